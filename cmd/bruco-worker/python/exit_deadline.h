/*
 * What a worker does last is bounded: user code may hang there.
 */
#ifndef BRUCO_WORKER_PYTHON_EXIT_DEADLINE_H
#define BRUCO_WORKER_PYTHON_EXIT_DEADLINE_H

#include <stdint.h>

/* From now on the program ends with `status` after `ms`, having said that `what` (static text) did
 * not end, unless another deadline is set before that. Ends it at once where no thread can be
 * started. */
void exit_deadline_set(const char *what, int64_t ms, int status);

#endif
