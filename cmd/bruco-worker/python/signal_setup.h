/*
 * The worker's signals, once Python runs.
 */
#ifndef BRUCO_WORKER_PYTHON_SIGNAL_SETUP_H
#define BRUCO_WORKER_PYTHON_SIGNAL_SETUP_H

#include "bruco-worker/worker.h"

/* Sets handlers of Python's own for the idle signals, so that signal.signal() can give them back, and has
 * timeouts and stack dumps (SIGUSR2) work. 0, or -1 with an exception set. */
int signal_setup_python(const struct worker *worker);

#endif
