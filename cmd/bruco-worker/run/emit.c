#include "bruco-worker/run/emit.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/status.h"
#include "bruco-worker/run/result.h"
#include "frame/cursor.h"

enum next emit_flush(struct loop *loop)
{
	if (output_flush(loop->output) == 0)
		return CONTINUE;
	if (errno != EPIPE)
		log_error("cannot write the output: %s", strerror(errno));
	else if (!loop->worker->driven)
		return loop_exit(loop, STATUS_UNREAD);
	else /* the driver says why the sink is gone */
		log_debug("peer gone: nobody reads the output any more");
	return loop_exit(loop, STATUS_TEMPFAIL);
}

void emit_frame(
	struct loop *loop, const uint8_t *frame, const struct frame_head *head, struct buf *out)
{
	unsigned flags = head->flags & ~(unsigned)FRAME_ALONE;

	if (head->type == FRAME_TYPE_END && loop->worker->driven)
		return;
	buf_append(out, frame, head->length);
	frame_patch(out->data + out->length - head->length, head->type,
		(uint16_t)(frame_has_record(head) ? flags | FRAME_LAST : flags), head->attempt,
		head->seq);
}

void emit_scratch(const struct loop *loop, struct buf *out)
{
	struct frame_cursor cursor =
		frame_cursor(loop->scratch.data, loop->scratch.length, UINT32_MAX);

	while (frame_next(&cursor) == FRAME_OK)
		if (cursor.record.head.type == FRAME_TYPE_RECORD)
			loop->codec->write(&cursor.record, out);
}

int emit_result(struct loop *loop, struct event *event, PyObject *result, struct buf *out,
	const char **what)
{
	bool as_frames = loop_gives_frames(loop), raised = false;
	struct buf *to = as_frames ? out : &loop->scratch;
	int outputs;

	if (result_is_failure(result)) {
		*what = "handler gave";
		return -1;
	}
	buf_reset(&loop->scratch);
	if (result_is_generator(result))
		outputs = result_generate(to, event, result, loop->cap, &raised);
	else
		outputs = result_append(to, event, result, loop->cap);
	*what = raised ? "handler raised" : "cannot use what the handler returned:";
	if (outputs >= 0 && !as_frames)
		emit_scratch(loop, out);
	return outputs;
}

enum next emit_bad_input(struct loop *loop, const char *why)
{
	if (emit_flush(loop) == EXIT)
		return EXIT;
	if (loop->worker->driven && loop->input.ended) {
		log_error("peer gone: the input ends inside a frame");
		return loop_exit(loop, STATUS_TEMPFAIL);
	}
	log_error("%s %llu of the input: %s", loop->codec->unit,
		(unsigned long long)loop->input.position, why);
	return loop_exit(loop, STATUS_DATA);
}
