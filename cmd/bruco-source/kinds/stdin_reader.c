#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "bruco-source/kinds/stream.h"

struct input {
	struct source *source;
	struct stream stream;
	struct partition partition;
	bool more; /* stream_dispatch stopped at its budget */
	bool ended;
};

static void *input_open(struct source *source, enum record_format format)
{
	struct input *input = mem_alloc(sizeof *input);

	input->source = source;
	input->partition.topic = mem_text("stdin");
	input->partition.topic_length = 5;
	tracker_begin(&input->partition.tracker);
	stream_init(&input->stream, source, &input->partition, format, "standard input");
	/* What was read does not come again: a worker gets all of it that there are bytes for, so that a
	 * stop leaves none of it behind. */
	lanes_forget_time(&source->lanes);
	stage_ready(&source->stage);
	return input;
}

/* Whether nothing is to be done until something else happens. */
static bool rests(const struct input *input)
{
	return input->stream.full || source_is_paused(input->source, input->partition.topic, 0) ||
	       !source_taking(input->source);
}

static int input_descriptor(void *state)
{
	const struct input *input = state;

	return rests(input) || input->ended ? -1 : STDIN_FILENO;
}

static int input_timeout(void *state)
{
	const struct input *input = state;

	if (rests(input))
		return 1000; /* an acknowledgement wakes us; this is a net */
	return input->ended || input->more ? 0 : -1;
}

static bool input_settled(void *state)
{
	(void)state;
	return true;
}

static void dispatch(struct input *input)
{
	input->more = stream_dispatch(&input->stream, input->ended) == STREAM_MORE;
}

static bool read_more(struct input *input)
{
	struct buf *buf = &input->stream.buf;
	uint8_t *room = stream_room(&input->stream);
	ssize_t got;

	if (room == NULL)
		return false;
	got = read(STDIN_FILENO, room, STREAM_CHUNK);
	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return false;
	if (got < 0)
		die(STATUS_DATA, "cannot read standard input: %s", strerror(errno));
	buf->length += (size_t)got;
	input->ended = got == 0;
	return true;
}

static void input_work(void *state)
{
	struct input *input = state;
	struct pollfd poll_fd = {.fd = STDIN_FILENO, .events = POLLIN};

	if (!source_taking(input->source) || source_is_paused(input->source, input->partition.topic, 0) ||
		!stream_relaxed(&input->stream))
		return;
	dispatch(input);
	if (input->more || input->stream.full || !source_taking(input->source))
		return;
	if (input->ended) {
		stream_end(&input->stream);
		source_end(input->source);
	} else if (fd_poll(&poll_fd, 1, 0) > 0 && read_more(input) && !input->ended) {
		dispatch(input);
	}
}

static void *lines_open(struct source *source)
{
	return input_open(source, RECORD_LINES);
}

static void *json_open(struct source *source)
{
	return input_open(source, RECORD_JSON);
}

static void *frames_open(struct source *source)
{
	return input_open(source, RECORD_FRAMES);
}

#define READS_STDIN(kind_name, open_function)                                                      \
	.name = kind_name, .open = open_function, .descriptor = input_descriptor,                  \
	.timeout = input_timeout, .work = input_work, .settled = input_settled

const struct source_kind kind_lines = {READS_STDIN("lines", lines_open)};
const struct source_kind kind_json = {READS_STDIN("json", json_open)};
const struct source_kind kind_frames = {READS_STDIN("frames", frames_open)};
