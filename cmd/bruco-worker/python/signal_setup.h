/*
 * The worker's signals. A terminal and systemd signal all stages at once: what ends a worker is the
 * end of its input, after the source has drained. So TERM, INT and HUP do nothing here, and neither
 * does USR1, which must not cost the event that runs an attempt. In a pipeline made by hand a
 * second one ends it, for a handler that hangs; an interactive worker keeps what it was given.
 */
#ifndef BRUCO_WORKER_PYTHON_SIGNAL_SETUP_H
#define BRUCO_WORKER_PYTHON_SIGNAL_SETUP_H

#include "bruco-worker/worker.h"

/* For the time until Python runs, and for a worker without it. After signals_reset. */
void signal_setup(const struct worker *worker);

/* Once Python runs: Python's signal module knows of handlers of its own for these signals, so that
 * signal.signal() can give them back, and timeouts and stack dumps work. 0, or -1 with an exception
 * set. */
int signal_setup_python(const struct worker *worker);

#endif
