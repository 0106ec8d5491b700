/*
 * Why an attempt at an event failed, in the log and in the frame that stands for the event after
 * the last attempt.
 */
#ifndef BRUCO_WORKER_RUN_FAILURE_H
#define BRUCO_WORKER_RUN_FAILURE_H

#include "base/buf.h"
#include "bruco-worker/python/exception.h"
#include "bruco-worker/worker.h"
#include "config/config.h"
#include "frame/frame.h"

struct failure {
	const char *what; /* "handler raised" */
	struct exception exception;
	bool is_final; /* bruco.Reject or a class of processor.retry.except: no further attempt */
};

/* Finds the classes of processor.retry.except, once the handler's module is imported. 0, or an exit
 * status, having logged why. */
int failure_prepare(const struct worker *worker);

/* Takes the exception that is set, and clears it. `what` is static text. */
void failure_take(struct failure *failure, const char *what);
void failure_release(struct failure *failure);

/*
 * One log entry, with the traceback unless the failure is final: "WHAT SUMMARY (orders[3]@1234,
 * attempt 1, retrying in 200ms)". record->head.attempt is the attempt that failed; a pause below 0:
 * it was the last.
 */
void failure_log(
	const struct failure *failure, const struct frame_record *record, int64_t pause_ms);

/*
 * Appends the record encoded at `frame` as FRAME_TYPE_FAILED, with the headers bruco-error and
 * bruco-traceback behind its own. They are cut to 8 KiB each, and more, or left out, where the
 * frame would become larger than any may be with this maxRecordSize, `cap`.
 */
void failure_append(const struct failure *failure, const uint8_t *frame,
	const struct frame_record *record, uint32_t cap, struct buf *out);

#endif
