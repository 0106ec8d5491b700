/*
 * The output buffer: outputs of whole events, written together. They leave when OUTPUT_FULL bytes
 * are there, when the oldest is OUTPUT_AGE_MS old, and whenever the caller says so.
 *
 * A slow handler must not hold back the outputs of earlier events: while a handler runs, a thread
 * may write them. The buffer belongs to the caller except between output_lend and the
 * output_take_back or output_wait_back that follows.
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

/* Starts the thread, which uses *output for as long as the program runs. */
void output_init(struct output *output, int fd);

/* Writes the buffer, waiting as needed while other Python threads run. A descriptor that does not
 * block gets what it takes, and the rest stays in the buffer. 0, or -1 with errno. */
int output_flush(struct output *output);

/* Around a handler's call. output_take_back returns false while the thread is writing: then
 * output_wait_back waits for it, without Python's lock. */
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
