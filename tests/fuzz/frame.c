/* Frames, as every stage reads them: what is read and written again is the same, and the parts of a
 * record lie within its frame. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "frame/cursor.h"
#include "frame/limits.h"

enum { CAP = 1 << 16 };

static const uint8_t *end;

/* Reads each byte, so that the sanitizer sees one that is not the frame's. */
static void lies_within(const void *part, size_t length, const uint8_t *begin)
{
	HOLDS((const uint8_t *)part >= begin && (const uint8_t *)part + length <= end);
}

static void walk_headers(const struct frame_record *record)
{
	const uint8_t *at = record->headers;
	struct frame_header header;
	uint8_t copy[CAP];
	size_t written = 0;

	HOLDS(record->header_count <= FRAME_HEADERS_MAX);
	for (uint32_t i = 0; i < record->header_count; i++) {
		frame_header_next(&at, &header);
		lies_within(header.name, header.name_length, record->headers);
		if (header.value != NULL)
			lies_within(header.value, (size_t)header.value_length, record->headers);
		limits_of_failure(&header);
		written += frame_header_write(copy + written, &header);
	}
	HOLDS(written == record->headers_length);
	HOLDS(written == 0 || memcmp(copy, record->headers, written) == 0);
}

static void write_again(const struct frame_cursor *cursor)
{
	const struct frame_record *record = &cursor->record;
	uint32_t length = frame_record_size(record, CAP);
	uint8_t *copy = malloc(length);
	struct frame_place place;

	end = cursor->frame + record->head.length;
	HOLDS(length == record->head.length);
	HOLDS(frame_record_write(copy, record) == length);
	HOLDS(memcmp(copy, cursor->frame, length) == 0);
	free(copy);
	HOLDS(record->topic_length <= FRAME_TOPIC_MAX);
	lies_within(record->topic, record->topic_length, cursor->frame);
	if (record->key != NULL)
		lies_within(record->key, (size_t)record->key_length, cursor->frame);
	if (record->value != NULL)
		lies_within(record->value, (size_t)record->value_length, cursor->frame);
	if (frame_place(record, &place))
		lies_within(place.topic, place.topic_length, cursor->frame);
	HOLDS(frame_record_front(record) + frame_record_behind(record) + record->system_length +
			(record->value_length > 0 ? (uint32_t)record->value_length : 0) ==
		length);
	walk_headers(record);
	limits_check(length, record->headers, record->header_count, CAP);
}

static void read_mark(const struct frame_cursor *cursor)
{
	const struct frame_head *head = &cursor->record.head;
	uint8_t copy[FRAME_HEADER + 8];
	const char *why;
	uint64_t first;

	if (head->type != FRAME_TYPE_EMPTY ||
		frame_empty_read(cursor->frame, head, &first, &why) != FRAME_OK)
		return;
	HOLDS(first <= head->seq);
	if (head->flags == FRAME_LAST && head->attempt == 0 && first < head->seq) {
		HOLDS(frame_empty_write(copy, head->seq, first) == head->length);
		HOLDS(memcmp(copy, cursor->frame, head->length) == 0);
	}
}

FUZZ(data, length)
{
	struct fuzz_input input = {data, length};
	bool sealed = fuzz_byte(&input) % 4 != 0;
	uint8_t *frames = fuzz_rest(&input);
	struct frame_cursor cursor = frame_cursor(frames, input.length, CAP);
	enum frame_result result;

	if (sealed)
		fuzz_seal_frames(frames, input.length);
	while ((result = frame_next(&cursor)) == FRAME_OK) {
		HOLDS(cursor.next <= cursor.end && cursor.next > cursor.frame);
		HOLDS(cursor.record.head.length <= CAP);
		if (frame_has_record(&cursor.record.head))
			write_again(&cursor);
		else
			read_mark(&cursor);
	}
	HOLDS(result != FRAME_BAD || cursor.why != NULL);
	free(frames);
	return 0;
}
