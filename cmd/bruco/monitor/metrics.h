/*
 * The overview as Prometheus has it (text format 0.0.4). The names are documented in bruco-status(5):
 * what is there stays.
 */
#ifndef BRUCO_MONITOR_METRICS_H
#define BRUCO_MONITOR_METRICS_H

#include "base/buf.h"
#include "bruco/monitor/overview.h"

/* `unready` is overview_unready's, or NULL. */
void metrics_write(struct buf *text, const struct overview *overview, const char *unready);

#endif
