/*
 * One event: the handler is called with a record, its result becomes frames. The hot path.
 */
#ifndef BRUCO_WORKER_RUN_INVOKE_H
#define BRUCO_WORKER_RUN_INVOKE_H

#include <Python.h>

#include "base/buf.h"
#include "bruco-worker/io/output.h"
#include "bruco-worker/run/failure.h"
#include "bruco-worker/worker.h"
#include "frame/frame.h"

struct handler;

enum attempt_end {
	ATTEMPT_DONE,
	ATTEMPT_FAILED,     /* nothing was appended */
	ATTEMPT_INTERRUPTED /* the same, by Ctrl-C of an interactive worker */
};

/*
 * One attempt, number record->head.attempt: runs the handler on the record encoded at `frame` and
 * appends its outputs to `out`, or says in *failure why not (only then it is to be released).
 * `output` is lent to its thread while the handler runs. Keeps the shared page, and counts what
 * succeeds. Does not return in the child of a handler that forks.
 */
enum attempt_end invoke_event(const struct handler *handler, const struct worker *worker,
	const uint8_t *frame, const struct frame_record *record, int64_t now_ns,
	struct output *output, struct buf *out, struct failure *failure);

/* Whether a call has given something to await, although handle_event is no async function: one
 * behind a decorator. Such a call is waited for. */
bool invoke_awaited(void);

/* The buffer back from its thread, after the handler has run. That may mean waiting for a slow
 * reader of the output, which is not the handler's fault: its time begins anew. */
void invoke_take_back_output(struct output *output, struct page *page);

/* Counts an event that gave so many outputs of so many bytes. */
void invoke_count_done(
	struct page *page, const struct frame_record *record, int outputs, size_t bytes);

/* Counts an event whose last attempt failed. */
void invoke_count_failed(struct page *page, const struct frame_record *record);

#endif
