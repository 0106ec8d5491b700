/*
 * The summary of a run: one line for people, and the same as members of a JSON line.
 */
#ifndef BRUCO_MONITOR_SUMMARY_H
#define BRUCO_MONITOR_SUMMARY_H

#include "base/buf.h"
#include "bruco/monitor/overview.h"

/* "in 1000, out 998, filtered 2, ..., 12.31 s, 81 records/s": what is 0 is left out, but for in and
 * out; the time is that since the pipeline was ready. Both texts end with a NUL. */
void summary_write(const struct overview *overview, struct buf *text, struct buf *fields);

#endif
