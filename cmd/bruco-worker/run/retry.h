/*
 * What follows when an attempt fails, in place: the pause and the next one, or the end of it.
 */
#ifndef BRUCO_WORKER_RUN_RETRY_H
#define BRUCO_WORKER_RUN_RETRY_H

#include "bruco-worker/run/attempt.h"
#include "bruco-worker/run/loop.h"
#include "bruco-worker/run/retry_policy.h"

/* After an attempt that ended so, not with ATTEMPT_DONE: decides what follows, logs the failure,
 * counts the event if it has failed for good, and appends its failed frame to attempt->out if the
 * verdict is VERDICT_HAND_ON. Releases the failure. *pause_ms: before the next attempt. */
enum verdict retry_conclude(
	struct loop *loop, struct attempt *attempt, enum attempt_end end, int64_t *pause_ms);

/* Makes all attempts at an event, the first one with the number that the record has. */
enum next retry_run(struct loop *loop, attempt_function *make, struct attempt *attempt);

/* The same when the first one has been made and ended so, not with ATTEMPT_DONE. */
enum next retry_after(
	struct loop *loop, attempt_function *make, struct attempt *attempt, enum attempt_end end);

#endif
