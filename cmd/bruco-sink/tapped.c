#include "bruco-sink/tapped.h"

#include <string.h>

#include "bruco-sink/dead_letter.h"

/* The partition of the record's input; -1: it is not known. */
static int32_t partition_from(const struct frame_record *record)
{
	struct frame_place place;

	return frame_place(record, &place) ? place.partition : -1;
}

static bool names_topic(const struct frame_record *record)
{
	return (record->head.flags & FRAME_ROUTED) != 0 && record->topic_length > 0;
}

static bool names_partition(const struct frame_record *record)
{
	return (record->head.flags & FRAME_ROUTED) != 0 && record->partition >= 0;
}

void tap_output(struct sink *sink, const struct frame_record *record)
{
	const struct sink_config *to = sink->out.config;
	struct frame_record output = *record;
	struct frame_place place;

	output.head.flags = FRAME_LAST | FRAME_ROUTED;
	output.offset = -1;
	if (!names_topic(record)) {
		output.topic = to->topic;
		output.topic_length = to->topic == NULL ? 0 : (uint32_t)strlen(to->topic);
	}
	if (!names_partition(record))
		output.partition = to->partition;
	if (frame_place(record, &place)) {
		output.origin_topic = place.topic;
		output.origin_topic_length = place.topic_length;
		output.origin_partition = place.partition;
		output.origin_offset = place.offset;
	}
	taps_offer(&sink->taps, TAP_OUT, &output, partition_from(record));
}

void tap_failed(struct sink *sink, unsigned lane, const struct frame_record *record,
	const char *error, bool has_error)
{
	static struct buf headers;
	struct frame_record letter;

	buf_reset(&headers);
	dead_letter_write(&letter, &headers, lane, record, error, has_error);
	taps_offer(&sink->taps, TAP_FAILED, &letter, partition_from(record));
}
