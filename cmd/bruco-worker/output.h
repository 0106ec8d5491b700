/*
 * The output buffer: whole events' outputs, written together. They leave when there is a buffer's
 * worth, when the oldest is OUTPUT_AGE_NS old, and whenever the caller says so.
 */
#ifndef WORKER_OUTPUT_H
#define WORKER_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

enum { OUTPUT_FULL = 256 << 10, OUTPUT_AGE_NS = 5000000 };

struct output {
	int fd;
	struct buf buf;
	int64_t since_ns; /* when the oldest event in the buffer began; coarse clock */
};

void output_init(struct output *output, int fd);
void output_release(struct output *output);

/* Writes all that is there, waiting as needed, other Python threads running meanwhile. 0, or -1
 * with errno. */
int output_flush(struct output *output);

static inline bool output_due(const struct output *output, int64_t now_ns)
{
	return output->buf.length > 0 &&
	       (output->buf.length >= OUTPUT_FULL || now_ns - output->since_ns >= OUTPUT_AGE_NS);
}

#endif
