/*
 * bruco-worker embeds a CPython. For a handler that is for another one it executes that, which loads the same
 * code from a module (module.c): so the user's own interpreter runs, as it is, with all that it links to.
 */
#ifndef BRUCO_WORKER_FRONT_H
#define BRUCO_WORKER_FRONT_H

#include "bruco-worker/worker.h"

/* Returns if the embedded Python is the one for the handler, or if something is wrong with the other one,
 * which who starts Python then says. Until the worker has its own handlers, the signals that mean
 * nothing to it stay blocked. */
void front_execute_other(const struct worker *worker, int argc, char **argv);

/* Where none is embedded: executes the one for the handler, or Bruco's own. Ends the program if something is
 * wrong with it. */
_Noreturn void front_execute(const struct worker *worker, int argc, char **argv);

#endif
