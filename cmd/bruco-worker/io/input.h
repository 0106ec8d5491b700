/*
 * The input buffer: big reads, parsed in place. Grows only for a record that is larger than it.
 */
#ifndef BRUCO_WORKER_IO_INPUT_H
#define BRUCO_WORKER_IO_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { INPUT_ROOM = 256 << 10 };

struct input {
	int fd;
	uint8_t *data;
	size_t start, end; /* what is there and not yet taken: data[start..end) */
	size_t capacity;
	size_t wanted;     /* bytes that the record at `start` needs; 0: not known */
	uint64_t position; /* where data[start] is in the whole input; for lines: lines taken */
	size_t searched;   /* lines: bytes behind `start` that hold no newline */
	bool ended;
};

void input_init(struct input *input, int fd);
void input_release(struct input *input);

/* One read(2); sets `ended` at end of file. Pointers into the buffer become invalid. 0, or -1 with
 * errno (EINTR too). */
int input_read(struct input *input);

static inline size_t input_available(const struct input *input)
{
	return input->end - input->start;
}

#endif
