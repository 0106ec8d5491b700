/*
 * What everything that runs events shares, and how it says that the worker is to end.
 */
#ifndef BRUCO_WORKER_RUN_LOOP_H
#define BRUCO_WORKER_RUN_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "bruco-worker/io/codec.h"
#include "bruco-worker/io/input.h"
#include "bruco-worker/io/output.h"
#include "bruco-worker/worker.h"

struct handler;
struct mode;

/* EXIT: the worker ends with loop->status; if that is not 0, the reason has been logged. */
enum next { CONTINUE, EXIT };

struct loop {
	struct worker *worker;
	const struct handler *handler; /* NULL: records are copied */
	const struct mode *mode;
	const struct codec *codec;
	uint32_t cap; /* maxRecordSize */
	struct input input;
	struct output *output;
	struct buf scratch;   /* one event's outputs as frames, when they leave in another form */
	struct buf generated; /* a generator's outputs, until it has ended */
	bool awaited;         /* handle_event is no async function, but has returned an awaitable */
	int status;           /* after EXIT: with which to end */
};

/* For `return loop_exit(loop, status)`. */
static inline enum next loop_exit(struct loop *loop, int status)
{
	loop->status = status;
	return EXIT;
}

/* Whether outputs leave as frames; lines and JSON have no form for a failed event. */
static inline bool loop_gives_frames(const struct loop *loop)
{
	return loop->codec->write == NULL;
}

#endif
