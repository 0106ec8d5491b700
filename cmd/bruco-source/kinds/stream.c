#include "bruco-source/kinds/stream.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/run_name.h"
#include "base/status.h"
#include "frame/limits.h"
#include "json/record_json.h"

enum { BUDGET = 4096 }; /* records before others have their turn */

struct stream_format {
	/* Finds the next record in data[0..length) and says how many bytes it took; 0: it needs more. */
	size_t (*next)(struct stream *stream, const uint8_t *data, size_t length, bool end,
		struct frame_record *record);
	size_t (*most)(uint32_t size_max); /* bytes that may hold no whole record */
};

/* The input is not what it should be: what was taken before is finished, then status 65. */
static void broken(struct stream *stream, const char *why, const char *unit, uint64_t place)
{
	log_error("%s (%s, %s %llu)", why, stream->name, unit, (unsigned long long)place);
	source_drain(stream->source, STATUS_DATA);
	stream->skip = true;
}

/* ---- lines */

static size_t line_length(const uint8_t *data, size_t length, bool end, bool *whole)
{
	const uint8_t *newline = length == 0 ? NULL : memchr(data, '\n', length);

	*whole = newline != NULL || (end && length > 0);
	return newline == NULL ? length : (size_t)(newline - data);
}

static size_t next_line(struct stream *stream, const uint8_t *data, size_t length, bool end,
	struct frame_record *record)
{
	const uint8_t *tab = NULL;
	bool whole;
	size_t size = line_length(data, length, end, &whole);

	if (!whole)
		return 0;
	*record = (struct frame_record){.offset = stream->count,
		.timestamp = -1,
		.topic = stream->partition->topic,
		.topic_length = stream->partition->topic_length,
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
	return size + (size < length);
}

static size_t frame_most(uint32_t size_max)
{
	return limits_frame(size_max);
}

/* ---- json */

static size_t next_json(struct stream *stream, const uint8_t *data, size_t length, bool end,
	struct frame_record *record)
{
	bool whole;
	size_t size = line_length(data, length, end, &whole);

	if (!whole)
		return 0;
	if (record_json_read((const char *)data, size, record, &stream->space, stream->why, sizeof stream->why))
		return size + (size < length);
	if (stream->passes_bad && size <= stream->source->lanes.size_max) {
		bool with_keys = stream->source->with_keys;

		stream->source->with_keys = false;
		next_line(stream, data, length, end, record);
		stream->source->with_keys = with_keys;
		stream->bad = true;
	} else {
		broken(stream, stream->why, stream->by_byte ? "byte" : "line",
			stream->by_byte ? stream_place(stream) : (uint64_t)stream->count + 1);
	}
	return size + (size < length);
}

/* ---- frames */

static size_t next_frame(struct stream *stream, const uint8_t *data, size_t length, bool end,
	struct frame_record *record)
{
	uint32_t cap = limits_frame(stream->source->lanes.size_max);
	const char *why;

	(void)end;
	switch (frame_read(data, length, cap, record, &why)) {
	case FRAME_MORE:
		return 0;
	case FRAME_BAD:
		broken(stream, why, "byte", stream_place(stream));
		return length;
	case FRAME_OK:
		break;
	}
	stream->skip = !frame_has_record(&record->head);
	record->origin_topic = NULL; /* an input is not from where an output was */
	return record->head.length;
}

static const struct stream_format formats[] = {[RECORD_LINES] = {next_line, frame_most},
	[RECORD_JSON] = {next_json, limits_json},
	[RECORD_FRAMES] = {next_frame, frame_most}};

/* ---- the stream */

void stream_init(struct stream *stream, struct source *source, struct partition *partition,
	enum record_format format, const char *name)
{
	*stream = (struct stream){
		.source = source, .partition = partition, .format = &formats[format], .name = name};
}

void stream_release(struct stream *stream)
{
	buf_release(&stream->buf);
	buf_release(&stream->space);
}

/* What a worker's successor is sent again is named by this stage; by hand no worker has one. */
static void name_system(struct stream *stream, struct frame_record *record)
{
	if (record->offset < 0)
		snprintf(stream->system, sizeof stream->system, "%s-%lld", run_name(), (long long)stream->count);
	record->system = record->offset < 0 ? stream->system : run_name();
	record->system_length = (uint32_t)strlen(record->system);
}

static enum dispatch_result dispatch_record(struct stream *stream, struct frame_record *record)
{
	const struct lanes *lanes = &stream->source->lanes;
	unsigned own = record->partition < 0 ? 0 : (unsigned)record->partition % lanes->count;
	struct passage passage = {.partition = stream->partition,
		.record = record,
		.at_once = !source_taking(stream->source)};

	if (stream->by_byte) {
		record->topic = stream->partition->topic;
		record->topic_length = stream->partition->topic_length;
		record->partition = stream->partition->id;
		record->offset = (int64_t)stream_place(stream);
		own = stream->partition->lane;
		record->system = stream->system;
		record->system_length = (uint32_t)strlen(stream->system);
	} else if (record->system_length == 0 && stream->source->driver_id != 0) {
		name_system(stream, record);
	}
	passage.lane = stream->full_lane = lanes_choose(lanes, own, record);
	return source_dispatch(stream->source, &passage, stream->bad ? stream->why : NULL);
}

static bool taking(const struct stream *stream)
{
	return source_taking(stream->source) ||
	       (stream->draining_too && stream->source->limit != 0 && stream->source->status == STATUS_OK);
}

enum stream_result stream_dispatch(struct stream *stream, bool end)
{
	stream->full = false;
	for (int budget = BUDGET; budget > 0 && taking(stream); budget--) {
		struct frame_record record = {0};
		size_t used;

		stream->skip = stream->bad = false;
		used = stream->format->next(
			stream, stream->buf.data + stream->taken, stream_left(stream), end, &record);
		if (used == 0)
			return STREAM_DRY;
		if (!stream->skip) {
			switch (dispatch_record(stream, &record)) {
			case DISPATCH_FULL:
				stream->full = true;
				return STREAM_FULL;
			case DISPATCH_FAILED:
				return STREAM_OVER;
			case DISPATCH_OK:
				break;
			}
			stream->count++;
		}
		stream->taken += used;
	}
	return taking(stream) ? STREAM_MORE : STREAM_OVER;
}

bool stream_relaxed(const struct stream *stream)
{
	return !stream->full || (lanes_relaxed(&stream->source->lanes, stream->full_lane) &&
					lanes_span_relaxed(stream->partition));
}

uint8_t *stream_room(struct stream *stream)
{
	buf_drop(&stream->buf, stream->taken);
	stream->position += stream->taken;
	stream->taken = 0;
	if (stream->buf.length > stream->format->most(stream->source->lanes.size_max)) {
		broken(stream, "record is larger than maxRecordSize", "byte", stream->position);
		return NULL;
	}
	buf_reserve(&stream->buf, STREAM_CHUNK);
	return stream->buf.data + stream->buf.length;
}

void stream_end(struct stream *stream)
{
	if (stream_left(stream) > 0)
		broken(stream, "input is truncated", "byte", stream->position + stream->buf.length);
}

size_t stream_cut(struct stream *stream)
{
	size_t left = stream_left(stream);

	stream->taken = stream->buf.length;
	return left;
}
