/*
 * When a worker ends so that a new one takes its place, under the driver: processor.maxEvents and
 * maxMemory, or the driver has told it to retire.
 */
#ifndef BRUCO_WORKER_RUN_RECYCLE_H
#define BRUCO_WORKER_RUN_RECYCLE_H

#include <stdbool.h>

#include "bruco-worker/worker.h"

/* Before the first event. 0, or an exit status, having logged why: processor.maxMemory is less than
 * a worker takes before it has done anything. */
int recycle_prepare(const struct worker *worker);

/* Before an event is taken in: whether the worker takes in no more and ends when the `held` events
 * that it has are done; then this is logged, and noted in worker->recycles. Never before the first
 * event is done, unless maxEvents have been taken in or it is to retire. Memory is looked at every 10 ms. */
bool recycle_due(struct worker *worker, unsigned held);

#endif
