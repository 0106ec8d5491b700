/*
 * A handler may fork. The child must not touch the records: it gets neither the lanes nor the
 * shared page, and where it comes back into our loop it ends.
 */
#ifndef WORKER_FORKS_H
#define WORKER_FORKS_H

#include <stdbool.h>

#include "worker.h"

/* From now on every fork(2) of this process closes the worker's descriptors in the child and gives
 * it a page of its own instead of the shared one. */
void forks_guard(struct worker *worker);

extern bool forks_child; /* this process is such a child */

#endif
