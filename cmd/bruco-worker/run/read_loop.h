/*
 * The loop: read, run each record, write, until the input ends.
 */
#ifndef BRUCO_WORKER_RUN_READ_LOOP_H
#define BRUCO_WORKER_RUN_READ_LOOP_H

#include "bruco-worker/run/loop.h"
#include "bruco-worker/worker.h"

struct handler;

/* Takes this loop's place for an async handle_event, whose calls overlap, until the input ends.
 * Always EXIT. */
typedef enum next overlapping_loop(struct loop *loop);

/* Returns the exit status, having logged why if it is not 0. Without a handler (NULL) records are
 * copied. */
int read_loop_run(struct worker *worker, const struct handler *handler, overlapping_loop *overlap);

#endif
