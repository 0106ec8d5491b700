/* handle_event: one event after the other. */
#include "bruco-worker/run/mode.h"

static enum attempt_end attempt(struct loop *loop, const uint8_t *frame,
	const struct frame_record *record, int64_t now_ns, struct buf *out, struct failure *failure)
{
	size_t before = out->length;
	enum attempt_end end;

	if (loop->codec->write == NULL)
		return invoke_event(loop->handler, loop->worker, frame, record, now_ns,
			loop->output, out, failure);
	buf_reset(&loop->scratch);
	end = invoke_event(loop->handler, loop->worker, frame, record, now_ns, loop->output,
		&loop->scratch, failure);
	if (end == ATTEMPT_DONE && emit_scratch(loop, out) < 0) {
		out->length = before;
		failure_take(failure, "cannot write the output:");
		end = ATTEMPT_FAILED;
	}
	return end;
}

int plain_run(struct loop *loop, const uint8_t *frame, struct frame_record *record, int64_t now_ns)
{
	return retry_run(loop, attempt, frame, record, now_ns, &loop->output->buf);
}
