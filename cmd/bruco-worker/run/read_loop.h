/*
 * The loop: read, run each record, write, until the input ends.
 */
#ifndef BRUCO_WORKER_RUN_READ_LOOP_H
#define BRUCO_WORKER_RUN_READ_LOOP_H

#include "bruco-worker/worker.h"

struct handler;

/* Returns the exit status, having said why if it is not 0. Without a handler (NULL) records are
 * copied. */
int loop_run(struct worker *worker, const struct handler *handler);

#endif
