/*
 * When a worker is to make room for a new one: processor.maxEvents and maxMemory, under the driver.
 */
#ifndef BRUCO_WORKER_RUN_RECYCLE_H
#define BRUCO_WORKER_RUN_RECYCLE_H

#include <stdbool.h>

#include "bruco-worker/worker.h"

/* Before the first event. 0, or an exit status, having said why: with so little memory each worker
 * would be at its end before it began. */
int recycle_prepare(const struct worker *worker);

/* For before an event is taken in: whether the worker is to take no more, but to end when the
 * `held` ones that it has are done (said once, and noted in worker->recycles). It has done one
 * event at least, or taken maxEvents. Memory is looked at every 10 ms. */
bool recycle_due(struct worker *worker, unsigned held);

#endif
