/*
 * A time limit for the last things that a worker does, since user code may hang in them.
 */
#ifndef BRUCO_WORKER_PYTHON_EXIT_DEADLINE_H
#define BRUCO_WORKER_PYTHON_EXIT_DEADLINE_H

#include <stdint.h>

/* After `ms` logs that `what` (static text) did not end and ends the program with `status`, unless
 * another deadline is set before that. Ends the program at once if no thread can be started. */
void exit_deadline_set(const char *what, int64_t ms, int status);

#endif
