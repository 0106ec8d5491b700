/*
 * One event: the handler is called with a record, its result becomes frames. The hot path.
 */
#ifndef WORKER_EVENT_H
#define WORKER_EVENT_H

#include "base/buf.h"
#include "frame/frame.h"
#include "output.h"
#include "worker.h"

struct handler;

enum event_end {
	EVENT_DONE,
	EVENT_FAILED,     /* logged; nothing was appended */
	EVENT_INTERRUPTED /* the same, by Ctrl-C of an interactive worker */
};

/*
 * Runs the handler on the record encoded at `frame` and appends its outputs to `out`. `output` is
 * lent to its thread while the handler runs. Keeps the shared page and the counters. Does not
 * return in the child of a handler that forks.
 */
enum event_end event_run(const struct handler *handler, const struct worker *worker,
	const uint8_t *frame, const struct frame_record *record, int64_t now_ns,
	struct output *output, struct buf *out);

#endif
