/*
 * The signals that mean nothing to a worker. A terminal and systemd signal all processes at once, but what
 * ends a worker is the end of its input, after the source has drained. So TERM, INT and HUP do nothing here,
 * and neither does USR1, which would cost the running event an attempt. In a pipeline made by hand a
 * second signal ends the worker, in case its handler hangs. An interactive worker keeps the signals
 * that it found.
 */
#ifndef BRUCO_WORKER_IDLE_SIGNALS_H
#define BRUCO_WORKER_IDLE_SIGNALS_H

#include <signal.h>
#include <stddef.h>

#include "bruco-worker/worker.h"

enum { IDLE_SIGNALS = 4 };

/* Those of this worker; returns how many. */
size_t idle_signals(const struct worker *worker, int numbers[static IDLE_SIGNALS]);

/* Before another Python is executed, whose own handlers they are not for: they wait for idle_signals_set. */
void idle_signals_block(void);

/* Until Python runs, and for a worker without Python. After signals_reset. */
void idle_signals_set(const struct worker *worker);

#endif
