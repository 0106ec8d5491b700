/*
 * What follows the end of a call's attempt.
 */
#ifndef BRUCO_WORKER_ASYNC_CALL_END_H
#define BRUCO_WORKER_ASYNC_CALL_END_H

#include "bruco-worker/async/call.h"
#include "bruco-worker/run/attempt.h"

/* The attempt has ended, and its outputs are in scheduler_output. */
void call_done(struct call *call);

/* The attempt has ended so, not with ATTEMPT_DONE. Releases the failure. */
void call_failed(struct call *call, enum attempt_end how, const struct failure *failure);

/* When the worker will end soon: leaves calls that wait for another attempt, and all behind them,
 * to its successor. */
void calls_stop_paused(void);

#endif
