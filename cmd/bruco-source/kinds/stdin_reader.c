#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "bruco-source/source.h"
#include "frame/limits.h"
#include "json/record_json.h"

enum { CHUNK = 256 << 10, BUDGET = 4096 };

struct stream {
	struct source *source;
	/* Finds the next record in data[0..length) and says how many bytes it took; 0: it needs
	 * more. `end`: nothing more will come. Problems are reported through stream_bad. */
	size_t (*next)(struct stream *stream, const uint8_t *data, size_t length, bool end,
		struct frame_record *record);
	struct buf buf;
	size_t most;       /* bytes of buf that may hold no whole record */
	size_t taken;      /* bytes of buf that are done */
	struct buf space;  /* for record_json_read */
	uint64_t position; /* bytes read before buf */
	int64_t count;     /* records taken: the line number, from 0 */
	bool skip;         /* `next` consumed something that is no record */
	bool more;         /* `dispatch_records` stopped at its budget */
	bool ended;
	bool full; /* the lane of the next record has no room */
	unsigned full_lane;
	struct partition partition;
};

static void *stream_open(struct source *source, size_t most,
	size_t (*next)(struct stream *, const uint8_t *, size_t, bool, struct frame_record *))
{
	struct stream *stream = mem_alloc(sizeof *stream);

	stream->source = source;
	stream->next = next;
	stream->most = most;
	buf_reserve(&stream->buf, CHUNK);
	stream->partition.topic = mem_text("stdin");
	stream->partition.topic_length = 5;
	tracker_begin(&stream->partition.tracker);
	/* What was read does not come again: a worker gets all of it that there are bytes for, so that a
	 * stop leaves none of it behind. */
	lanes_forget_time(&source->lanes);
	stage_ready(&source->stage);
	return stream;
}

static bool is_paused(const struct stream *stream)
{
	return source_is_paused(stream->source, stream->partition.topic, 0);
}

static int stream_descriptor(void *state)
{
	const struct stream *stream = state;

	return stream->full || is_paused(stream) || stream->ended || !source_taking(stream->source) ? -1 : STDIN_FILENO;
}

static int stream_timeout(void *state)
{
	const struct stream *stream = state;

	if (stream->full || is_paused(stream) || !source_taking(stream->source))
		return 1000; /* an acknowledgement wakes us; this is a net */
	return stream->ended || stream->more ? 0 : -1;
}

static bool stream_settled(void *state)
{
	(void)state;
	return true;
}

/* The input is not what it should be: what was taken before is finished, then status 65. */
static void stream_bad(struct stream *stream, const char *why, const char *unit, uint64_t place)
{
	log_error("%s (standard input, %s %llu)", why, unit, (unsigned long long)place);
	source_drain(stream->source, STATUS_DATA);
	stream->skip = true;
}

static enum dispatch_result dispatch_record(struct stream *stream, struct frame_record *record)
{
	const struct lanes *lanes = &stream->source->lanes;
	unsigned own = record->partition < 0 ? 0 : (unsigned)record->partition % lanes->count;
	struct passage passage = {.partition = &stream->partition, .record = record};

	passage.lane = stream->full_lane = lanes_choose(lanes, own, record);
	return source_dispatch(stream->source, &passage, NULL);
}

/* Takes what the buffer holds; leaves what needs more bytes or more room. */
static bool dispatch_records(struct stream *stream)
{
	for (int budget = BUDGET; budget > 0 && source_taking(stream->source); budget--) {
		struct frame_record record = {0};
		enum dispatch_result result;
		size_t used;

		stream->skip = false;
		used = stream->next(stream, stream->buf.data + stream->taken,
			stream->buf.length - stream->taken, stream->ended, &record);
		if (used == 0)
			return false;
		if (!stream->skip) {
			result = dispatch_record(stream, &record);
			stream->full = result == DISPATCH_FULL;
			if (result != DISPATCH_OK)
				return false;
			stream->count++;
		}
		stream->taken += used;
	}
	return source_taking(stream->source);
}

/* Whether reading more could make sense of what is there. */
static void at_end(struct stream *stream)
{
	size_t left = stream->buf.length - stream->taken;

	if (stream->full)
		return;
	if (left > 0)
		stream_bad(stream, "input is truncated", "byte",
			stream->position + stream->buf.length);
	else
		source_end(stream->source);
}

static bool read_more(struct stream *stream)
{
	ssize_t got;

	buf_drop(&stream->buf, stream->taken);
	stream->position += stream->taken;
	stream->taken = 0;
	if (stream->buf.length > stream->most) {
		stream_bad(stream, "record is larger than maxRecordSize", "byte", stream->position);
		return false;
	}
	buf_reserve(&stream->buf, CHUNK);
	got = read(STDIN_FILENO, stream->buf.data + stream->buf.length, CHUNK);
	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return false;
	if (got < 0)
		die(STATUS_DATA, "cannot read standard input: %s", strerror(errno));
	stream->buf.length += (size_t)got;
	stream->ended = got == 0;
	return true;
}

static void stream_work(void *state)
{
	struct stream *stream = state;
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};

	if (!source_taking(stream->source) || is_paused(stream))
		return;
	if (stream->full &&
		!(lanes_relaxed(&stream->source->lanes, stream->full_lane) &&
			lanes_span_relaxed(&stream->partition)))
		return;
	stream->full = false;
	stream->more = dispatch_records(stream);
	if (stream->more || stream->full || !source_taking(stream->source))
		return;
	if (stream->ended)
		at_end(stream);
	else if (fd_poll(&input, 1, 0) > 0 && read_more(stream) && !stream->ended)
		stream->more = dispatch_records(stream);
}

/* ---- lines */

static size_t next_line(struct stream *stream, const uint8_t *data, size_t length, bool end,
	struct frame_record *record)
{
	const uint8_t *newline = length == 0 ? NULL : memchr(data, '\n', length);
	size_t size = newline == NULL ? length : (size_t)(newline - data);
	const uint8_t *tab = NULL;

	if (newline == NULL && (!end || length == 0))
		return 0;
	*record = (struct frame_record){.offset = stream->count,
		.timestamp = -1,
		.topic = stream->partition.topic,
		.topic_length = stream->partition.topic_length,
		.key_length = FRAME_NULL,
		.value = data,
		.value_length = (int32_t)size};
	if (stream->source->with_keys)
		tab = memchr(data, '\t', size);
	if (tab != NULL) {
		record->key = data;
		record->key_length = (int32_t)(tab - data);
		record->value = tab + 1;
		record->value_length = (int32_t)(size - (size_t)(tab - data) - 1);
	}
	return size + (newline != NULL);
}

static void *lines_open(struct source *source)
{
	return stream_open(source, limits_frame(source->lanes.size_max), next_line);
}

/* ---- json */

static size_t next_json(struct stream *stream, const uint8_t *data, size_t length, bool end,
	struct frame_record *record)
{
	const uint8_t *newline = length == 0 ? NULL : memchr(data, '\n', length);
	size_t size = newline == NULL ? length : (size_t)(newline - data);
	char why[256];

	if (newline == NULL && (!end || length == 0))
		return 0;
	if (!record_json_read((const char *)data, size, record, &stream->space, why, sizeof why))
		stream_bad(stream, why, "line", (uint64_t)stream->count + 1);
	return size + (newline != NULL);
}

static void *json_open(struct source *source)
{
	return stream_open(source, limits_json(source->lanes.size_max), next_json);
}

/* ---- frames */

static size_t next_frame(struct stream *stream, const uint8_t *data, size_t length, bool end,
	struct frame_record *record)
{
	uint64_t position = stream->position + stream->taken;
	uint32_t cap = limits_frame(stream->source->lanes.size_max);
	const char *why;

	(void)end;
	switch (frame_read(data, length, cap, record, &why)) {
	case FRAME_MORE:
		return 0;
	case FRAME_BAD:
		stream_bad(stream, why, "byte", position);
		return length;
	case FRAME_OK:
		break;
	}
	stream->skip = !frame_has_record(&record->head);
	record->origin_topic = NULL; /* an input is not from where an output was */
	return record->head.length;
}

static void *frames_open(struct source *source)
{
	return stream_open(source, limits_frame(source->lanes.size_max), next_frame);
}

#define READS_STDIN(kind_name, open_function)                                                      \
	.name = kind_name, .open = open_function, .descriptor = stream_descriptor,                 \
	.timeout = stream_timeout, .work = stream_work, .settled = stream_settled

const struct source_kind kind_lines = {READS_STDIN("lines", lines_open)};
const struct source_kind kind_json = {READS_STDIN("json", json_open)};
const struct source_kind kind_frames = {READS_STDIN("frames", frames_open)};
