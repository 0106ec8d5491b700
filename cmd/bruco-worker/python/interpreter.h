/*
 * CPython: embedded, started isolated, with the virtual environment that belongs to the handler; or the
 * one that has loaded this code as a module. Stopped under a deadline. The calling thread holds its global lock from start to stop, except
 * between pause and resume.
 */
#ifndef BRUCO_WORKER_PYTHON_INTERPRETER_H
#define BRUCO_WORKER_PYTHON_INTERPRETER_H

#include <stdbool.h>

#include "bruco-worker/worker.h"

/* Makes the bruco package importable in a Python that somebody else has started, or starts one, in
 * the handler's folder; in an interactive worker Ctrl-C raises KeyboardInterrupt there. 0, or an
 * exit status, having logged why. */
int interpreter_start(const struct worker *worker);

/* Ends Python, if it was started here, and the program with this status (128 and a signal's number:
 * by that signal): at the latest after 5 s, whatever the handler's threads are doing. */
_Noreturn void interpreter_stop(int status);

/* The same, once the Python that somebody else has started has ended by itself, which it is about to do. */
void interpreter_stop_later(int status);

/* Around a wait: other Python threads run meanwhile. Do nothing when Python does not run. */
void interpreter_pause(void);
void interpreter_resume(void);

/* Runs the Python signal handlers that are due, after a wait. Returns whether one raised
 * KeyboardInterrupt, which is cleared. */
bool interpreter_interrupted(void);

#endif
