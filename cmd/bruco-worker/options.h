/*
 * The command line of bruco-worker.
 */
#ifndef BRUCO_WORKER_OPTIONS_H
#define BRUCO_WORKER_OPTIONS_H

#include "base/options.h"
#include "bruco-worker/worker.h"

/* Fills in a worker that has not been opened: by hand all its settings, under the driver its
 * control socket. Ends the program on a mistake, and for --help and --version, which tells the version of
 * `python`, Py_GetVersion's; NULL: this program has none. */
void worker_options(int argc, char **argv, struct worker *worker, const char *python);

#endif
