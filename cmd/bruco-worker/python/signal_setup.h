/*
 * The worker's signals. A terminal and systemd signal all processes at once, but what ends a worker
 * is the end of its input, after the source has drained. So TERM, INT and HUP do nothing here, and
 * neither does USR1, which would cost the running event an attempt. In a pipeline made by hand a
 * second signal ends the worker, in case its handler hangs. An interactive worker keeps the signals
 * that it found.
 */
#ifndef BRUCO_WORKER_PYTHON_SIGNAL_SETUP_H
#define BRUCO_WORKER_PYTHON_SIGNAL_SETUP_H

#include "bruco-worker/worker.h"

/* Before another Python is executed, whose own handlers these signals are not for: they wait for signal_setup. */
void signal_setup_block(void);

/* Until Python runs, and for a worker without Python. After signals_reset. */
void signal_setup(const struct worker *worker);

/* Once Python runs: sets handlers of Python's own for these signals, so that signal.signal() can
 * give them back, and has timeouts and stack dumps (SIGUSR2) work. 0, or -1 with an exception set.
 */
int signal_setup_python(const struct worker *worker);

#endif
