#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/signals.h"
#include "base/status.h"
#include "bruco-sink/kinds/record_form.h"
#include "bruco-sink/sink.h"

enum { WRITE_AT = 256 << 10 };

struct stream {
	struct sink *sink;
	struct buf out;
	uint64_t frames; /* the sequence number of the last frame that was written */
};

static void *stream_open(struct destination *destination)
{
	struct stream *stream = mem_alloc(sizeof *stream);

	stream->sink = destination->sink;
	destination_ready(destination);
	return stream;
}

static void stream_flush(void *state)
{
	struct stream *stream = state;

	if (stream->out.length == 0)
		return;
	if (fd_write_all(STDOUT_FILENO, stream->out.data, stream->out.length) < 0) {
		if (errno == EPIPE) /* as any filter; the driver knows it by that */
			signals_die(SIGPIPE);
		log_error("cannot write to standard output: %s", strerror(errno));
		_exit(STATUS_TEMPFAIL); /* what is not written is not acknowledged */
	}
	page_count(stream->sink->page, COUNT_BYTES_OUT, stream->out.length);
	buf_reset(&stream->out);
}

static enum put_result written(struct stream *stream)
{
	if (stream->out.length >= WRITE_AT)
		stream_flush(stream);
	return PUT_DELIVERED;
}

static enum put_result put_line(void *state, const struct frame_record *record, uint64_t ticket)
{
	struct stream *stream = state;

	(void)ticket;
	record_form_append(&stream->out, RECORD_LINES, stream->sink->with_keys, record);
	return written(stream);
}

static enum put_result put_json(void *state, const struct frame_record *record, uint64_t ticket)
{
	struct stream *stream = state;

	(void)ticket;
	record_form_append(&stream->out, RECORD_JSON, false, record);
	return written(stream);
}

static enum put_result put_frame(void *state, const struct frame_record *record, uint64_t ticket)
{
	struct stream *stream = state;

	(void)ticket;
	record_form_append(&stream->out, RECORD_FRAMES, false, record);
	stream->frames = record->head.seq;
	return written(stream);
}

static void end_frames(void *state)
{
	struct stream *stream = state;

	buf_reserve(&stream->out, FRAME_HEADER);
	stream->out.length +=
		frame_end_write(stream->out.data + stream->out.length, stream->frames);
}

static enum put_result put_nowhere(void *state, const struct frame_record *record, uint64_t ticket)
{
	(void)state;
	(void)record;
	(void)ticket;
	return PUT_DELIVERED;
}

#define WRITES_STDOUT(kind_name, put_function)                                                     \
	.name = kind_name, .open = stream_open, .put = put_function, .flush = stream_flush

const struct sink_kind kind_lines = {WRITES_STDOUT("lines", put_line)};
const struct sink_kind kind_json = {WRITES_STDOUT("json", put_json)};
const struct sink_kind kind_frames = {
	WRITES_STDOUT("frames", put_frame), .end = end_frames, .passes_failed = true};
const struct sink_kind kind_discard = {WRITES_STDOUT("discard", put_nowhere)};
