/*
 * One attempt at one event.
 */
#ifndef BRUCO_WORKER_RUN_ATTEMPT_H
#define BRUCO_WORKER_RUN_ATTEMPT_H

#include <stdint.h>

#include "base/buf.h"
#include "bruco-worker/run/failure.h"
#include "frame/frame.h"

struct loop;

enum attempt_end {
	ATTEMPT_DONE,
	ATTEMPT_FAILED,     /* nothing was appended; `failure` says why */
	ATTEMPT_INTERRUPTED /* the same, by Ctrl-C in an interactive worker */
};

struct attempt {
	const uint8_t *frame;        /* where the record is encoded */
	struct frame_record *record; /* head.attempt is this attempt's number, from 0 */
	int64_t now_ns;              /* when it begins; coarse clock */
	struct buf *out;             /* takes the event's outputs, in the form that leaves */
	struct failure failure;      /* to be released after an attempt that is not done */
};

/* Makes the attempt. */
typedef enum attempt_end attempt_function(struct loop *loop, struct attempt *attempt);

#endif
