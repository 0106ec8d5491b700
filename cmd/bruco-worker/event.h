/*
 * One event: the handler is called with a record, its result becomes frames. The hot path.
 */
#ifndef WORKER_EVENT_H
#define WORKER_EVENT_H

#include "base/buf.h"
#include "failure.h"
#include "frame/frame.h"
#include "output.h"
#include "worker.h"

struct handler;

enum event_end {
	EVENT_DONE,
	EVENT_FAILED,     /* nothing was appended */
	EVENT_INTERRUPTED /* the same, by Ctrl-C of an interactive worker */
};

/*
 * One attempt, number record->head.attempt: runs the handler on the record encoded at `frame` and
 * appends its outputs to `out`, or says in *failure why not (only then it is to be released).
 * `output` is lent to its thread while the handler runs. Keeps the shared page, and counts what
 * succeeds. Does not return in the child of a handler that forks.
 */
enum event_end event_run(const struct handler *handler, const struct worker *worker,
	const uint8_t *frame, const struct frame_record *record, int64_t now_ns,
	struct output *output, struct buf *out, struct failure *failure);

/* Counts an event whose last attempt failed. */
void event_count_failed(struct page *page, const struct frame_record *record);

#endif
