/*
 * The calls that run: what the shared page says of them, and their time limits. A timer of the
 * event loop cancels a call that waits for too long. The driver's signal interrupts one whose code
 * executes for too long, see timeout.h.
 *
 * There is one such list, in static storage, since a signal's handler has to find it.
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

/* An attempt begins, and ends. */
void running_add(struct call *call, int64_t now_ns);
void running_remove(struct call *call);

unsigned running_count(void);

/* Between them the call's code executes. */
void running_enter(struct call *call);
void running_leave(void);
uint64_t running_steps(void); /* how often running_enter was called */

/* Writes into the shared page what runs. running_remove does not: its caller does, once the end of
 * the attempt has been dealt with. */
void running_show(void);

/* The worker ends: from now on the page says that nothing runs. */
void running_end(void);

/* In a signal's handler: whether the code that executes belongs to an event whose time is up. */
bool running_may_raise(void);

#endif
