/*
 * The output buffer: whole events' outputs, written together. They leave when there is a buffer's
 * worth, when the oldest is OUTPUT_AGE_MS old, and whenever the caller says so.
 *
 * A slow handler must not hold back what earlier events gave: while a handler runs, a thread of
 * ours may write. The buffer belongs to the caller except between output_lend and output_return.
 */
#ifndef BRUCO_WORKER_IO_OUTPUT_H
#define BRUCO_WORKER_IO_OUTPUT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

enum { OUTPUT_FULL = 256 << 10, OUTPUT_AGE_MS = 5 };

struct output {
	int fd;
	struct buf buf;
	int64_t since_ns; /* when the oldest event in the buffer began; coarse clock */
	int error;        /* errno of the thread's write that failed */
	pthread_mutex_t lock;
	pthread_cond_t filled; /* the buffer is no longer empty */
};

/* There is one, for as long as the program runs: the thread keeps to it. */
void output_init(struct output *output, int fd);

/* Writes all that is there, waiting as needed, other Python threads running meanwhile; to a
 * descriptor that does not block what it takes: the rest stays in the buffer. 0, or -1 with errno.
 */
int output_flush(struct output *output);

/* Around a handler's call. False when the thread is writing: then output_wait_back waits for it,
 * without Python's lock. */
void output_lend(struct output *output);
bool output_take_back(struct output *output);
void output_wait_back(struct output *output);

static inline bool output_due(const struct output *output, int64_t now_ns)
{
	return output->buf.length > 0 &&
	       (output->buf.length >= OUTPUT_FULL ||
		       now_ns - output->since_ns >= OUTPUT_AGE_MS * INT64_C(1000000));
}

#endif
