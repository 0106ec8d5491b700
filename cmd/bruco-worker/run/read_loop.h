/*
 * The loop: read, run each record, write, until the input ends.
 */
#ifndef BRUCO_WORKER_RUN_READ_LOOP_H
#define BRUCO_WORKER_RUN_READ_LOOP_H

#include "bruco-worker/worker.h"

struct handler;
struct loop;

/* Runs calls of an async handle_event that overlap, in place of the loop here, until the input
 * ends. Returns the exit status. */
typedef int overlapping_loop(struct loop *loop);

/* Returns the exit status, having said why if it is not 0. Without a handler (NULL) records are
 * copied. `overlap` takes over when the handler is async. */
int read_loop_run(struct worker *worker, const struct handler *handler, overlapping_loop *overlap);

#endif
