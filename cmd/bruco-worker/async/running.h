/*
 * The calls that run: what the shared page says of them, and their time limits. One that waits
 * is cancelled by a timer of the event loop. One whose code runs for too long is interrupted by the
 * driver's signal, see timeout.h.
 */
#ifndef BRUCO_WORKER_ASYNC_RUNNING_H
#define BRUCO_WORKER_ASYNC_RUNNING_H

#include <stdbool.h>
#include <stdint.h>

#include "bruco-worker/async/call.h"
#include "bruco-worker/async/reorder.h"
#include "bruco-worker/worker.h"

/* `reorder` has the calls in the order of the input. */
void running_init(struct worker *worker, const struct reorder *reorder);

/* An attempt begins; ends. */
void running_add(struct call *call, int64_t now_ns);
void running_remove(struct call *call);

unsigned running_count(void);

/* The call whose code runs right now, between running_enter and running_leave. */
struct call *running_current(void);
void running_enter(struct call *call);
void running_leave(void);
uint64_t running_steps(void); /* how often running_enter has been called */

/* The shared page says what runs; after running_remove it is for the caller to call it, when the
 * end of the attempt has been dealt with. */
void running_show(void);

/* The worker ends: the page says from now on that nothing runs. */
void running_end(void);

/* In a signal's handler: whether the code that runs right now is of an event whose time is up. */
bool running_may_raise(void);

#endif
