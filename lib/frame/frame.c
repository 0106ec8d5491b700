#include "frame/frame.h"

#include <assert.h>

static enum frame_result bad(const char **why, const char *text)
{
	*why = text;
	return FRAME_BAD;
}

static uint32_t minimum(uint8_t type)
{
	return type == FRAME_TYPE_RECORD || type == FRAME_TYPE_FAILED ? FRAME_RECORD : FRAME_HEADER;
}

enum frame_result frame_head_read(const uint8_t *data, size_t available, uint32_t cap,
	struct frame_head *head, const char **why)
{
	if (available < FRAME_HEADER) {
		head->length = FRAME_HEADER;
		return FRAME_MORE;
	}
	if (get_u16(data) != FRAME_MAGIC)
		return bad(why, "not a frame (wrong magic)");
	if (data[2] != FRAME_VERSION)
		return bad(why, "unknown frame version");
	if (get_u32(data + 12) != frame_check(data))
		return bad(why, "damaged frame header (wrong check)");
	head->type = data[3];
	head->flags = get_u16(data + 4);
	head->attempt = get_u16(data + 6);
	head->length = get_u32(data + 8);
	head->seq = get_u64(data + 16);
	if (head->type < FRAME_TYPE_RECORD || head->type > FRAME_TYPE_END)
		return bad(why, "unknown frame type");
	if ((head->flags & ~(unsigned)(FRAME_LAST | FRAME_ROUTED | FRAME_ALONE | FRAME_REASON |
				   FRAME_SYSTEM)) != 0)
		return bad(why, "unknown frame flag");
	if (head->length < minimum(head->type))
		return bad(why, "frame length is too small");
	if (head->length > cap)
		return bad(why, "frame is larger than maxRecordSize");
	return head->length > available ? FRAME_MORE : FRAME_OK;
}

/* A length that may be null: -1 counts as no bytes, anything below is malformed. */
static bool add_length(uint64_t *sum, int32_t length)
{
	if (length < FRAME_NULL)
		return false;
	*sum += length > 0 ? (uint64_t)length : 0;
	return true;
}

static bool headers_add_up(const struct frame_record *record)
{
	const uint8_t *at = record->headers;
	uint64_t left = record->headers_length;

	for (uint32_t i = 0; i < record->header_count; i++) {
		uint64_t size = 8;

		if (left < size)
			return false;
		size += get_u32(at);
		if (!add_length(&size, (int32_t)get_u32(at + 4)) || size > left)
			return false;
		at += size;
		left -= size;
	}
	return left == 0;
}

/* What stands behind the value. */
static bool read_tail(const uint8_t *at, uint64_t left, struct frame_record *record)
{
	record->origin_topic = NULL;
	record->origin_topic_length = 0;
	record->system_length = 0;
	if ((record->head.flags & FRAME_SYSTEM) != 0) {
		record->system = (const char *)at;
		record->system_length = (uint32_t)left;
		return left > 0 && left <= FRAME_SYSTEM_MAX && (record->head.flags & FRAME_ROUTED) == 0;
	}
	if (left == 0)
		return true;
	if ((record->head.flags & FRAME_ROUTED) == 0 || left < FRAME_ORIGIN ||
		left > FRAME_ORIGIN + FRAME_TOPIC_MAX)
		return false;
	record->origin_offset = (int64_t)get_u64(at);
	record->origin_partition = (int32_t)get_u32(at + 8);
	record->origin_topic = (const char *)at + FRAME_ORIGIN;
	record->origin_topic_length = (uint32_t)left - FRAME_ORIGIN;
	return true;
}

enum frame_result frame_record_read(const uint8_t *data, const struct frame_head *head,
	struct frame_record *record, const char **why)
{
	uint64_t sum = FRAME_RECORD;
	const uint8_t *at = data + FRAME_RECORD;

	if (head->length < FRAME_RECORD)
		return bad(why, "frame is too short for a record");
	if (head != &record->head)
		record->head = *head;
	record->offset = (int64_t)get_u64(data + 24);
	record->timestamp = (int64_t)get_u64(data + 32);
	record->partition = (int32_t)get_u32(data + 40);
	record->topic_length = get_u32(data + 44);
	record->key_length = (int32_t)get_u32(data + 48);
	record->value_length = (int32_t)get_u32(data + 52);
	record->header_count = get_u32(data + 56);
	record->headers_length = get_u32(data + 60);
	if (record->topic_length > FRAME_TOPIC_MAX)
		return bad(why, "topic name is too long");
	if (record->header_count > FRAME_HEADERS_MAX)
		return bad(why, "too many headers");
	sum += (uint64_t)record->topic_length + record->headers_length;
	if (!add_length(&sum, record->key_length) || !add_length(&sum, record->value_length))
		return bad(why, "negative length");
	if (sum > head->length || !read_tail(data + sum, head->length - sum, record))
		return bad(why, "lengths in the frame don't add up");
	record->topic = (const char *)at;
	at += record->topic_length;
	record->key = record->key_length < 0 ? NULL : at;
	at += record->key_length > 0 ? record->key_length : 0;
	record->headers = at;
	at += record->headers_length;
	record->value = record->value_length < 0 ? NULL : at;
	if (!headers_add_up(record))
		return bad(why, "lengths of the headers don't add up");
	return FRAME_OK;
}

enum frame_result frame_read(const uint8_t *data, size_t available, uint32_t cap,
	struct frame_record *record, const char **why)
{
	enum frame_result result = frame_head_read(data, available, cap, &record->head, why);

	if (result != FRAME_OK || !frame_has_record(&record->head))
		return result;
	return frame_record_read(data, &record->head, record, why);
}

void frame_read_own(const uint8_t *data, struct frame_record *record)
{
	const char *why;
	enum frame_result result = frame_read(data, UINT32_MAX, UINT32_MAX, record, &why);

	assert(result == FRAME_OK);
	(void)result;
}

enum frame_result frame_empty_read(
	const uint8_t *data, const struct frame_head *head, uint64_t *first, const char **why)
{
	*first = head->seq;
	if (head->length == FRAME_HEADER)
		return FRAME_OK;
	if (head->length != FRAME_HEADER + 8)
		return bad(why, "empty frame of a wrong length");
	*first = get_u64(data + FRAME_HEADER);
	if (*first == 0 || *first > head->seq)
		return bad(why, "end mark covers no range");
	return FRAME_OK;
}

void frame_header_next(const uint8_t **at, struct frame_header *header)
{
	header->name_length = get_u32(*at);
	header->value_length = (int32_t)get_u32(*at + 4);
	header->name = (const char *)*at + 8;
	header->value = header->value_length < 0 ? NULL : *at + 8 + header->name_length;
	*at += frame_header_size(header->name_length, header->value_length);
}

uint32_t frame_record_size(const struct frame_record *record, uint32_t cap)
{
	uint64_t sum = FRAME_RECORD;

	sum += (uint64_t)record->topic_length + record->headers_length;
	if (!add_length(&sum, record->key_length) || !add_length(&sum, record->value_length))
		return 0;
	if (record->origin_topic != NULL)
		sum += FRAME_ORIGIN + record->origin_topic_length;
	else
		sum += record->system_length;
	return sum > cap ? 0 : (uint32_t)sum;
}

static void write_head(
	uint8_t *to, uint8_t type, uint16_t flags, uint16_t attempt, uint32_t length, uint64_t seq)
{
	put_u16(to, FRAME_MAGIC);
	to[2] = FRAME_VERSION;
	to[3] = type;
	put_u16(to + 4, flags);
	put_u16(to + 6, attempt);
	put_u32(to + 8, length);
	put_u64(to + 16, seq);
	put_u32(to + 12, frame_check(to));
}

void frame_record_write_front(uint8_t *to, const struct frame_record *record, uint32_t length)
{
	bool system = record->system_length > 0 && record->origin_topic == NULL;

	write_head(to, record->head.type,
		(uint16_t)((record->head.flags & ~(unsigned)FRAME_SYSTEM) | (system ? FRAME_SYSTEM : 0)),
		record->head.attempt, length, record->head.seq);
	put_u64(to + 24, (uint64_t)record->offset);
	put_u64(to + 32, (uint64_t)record->timestamp);
	put_u32(to + 40, (uint32_t)record->partition);
	put_u32(to + 44, record->topic_length);
	put_u32(to + 48, (uint32_t)record->key_length);
	put_u32(to + 52, (uint32_t)record->value_length);
	put_u32(to + 56, record->header_count);
	put_u32(to + 60, record->headers_length);
}

static uint8_t *place(uint8_t *to, const void *data, size_t length)
{
	if (length > 0)
		memcpy(to, data, length);
	return to + length;
}

uint32_t frame_record_write(uint8_t *to, const struct frame_record *record)
{
	uint32_t length = frame_record_size(record, UINT32_MAX);
	uint8_t *at = to + FRAME_RECORD;

	assert(length > 0);
	frame_record_write_front(to, record, length);
	at = place(at, record->topic, record->topic_length);
	at = place(at, record->key, record->key_length > 0 ? (size_t)record->key_length : 0);
	at = place(at, record->headers, record->headers_length);
	at = place(at, record->value, record->value_length > 0 ? (size_t)record->value_length : 0);
	if (record->origin_topic != NULL) {
		put_u64(at, (uint64_t)record->origin_offset);
		put_u32(at + 8, (uint32_t)record->origin_partition);
		place(at + FRAME_ORIGIN, record->origin_topic, record->origin_topic_length);
	} else {
		place(at, record->system, record->system_length);
	}
	return length;
}

size_t frame_header_write(uint8_t *to, const struct frame_header *header)
{
	size_t value = header->value_length > 0 ? (size_t)header->value_length : 0;

	put_u32(to, header->name_length);
	put_u32(to + 4, (uint32_t)header->value_length);
	place(place(to + 8, header->name, header->name_length), header->value, value);
	return 8 + header->name_length + value;
}

uint32_t frame_empty_write(uint8_t *to, uint64_t seq, uint64_t first)
{
	uint32_t length = first == seq ? FRAME_HEADER : FRAME_HEADER + 8;

	write_head(to, FRAME_TYPE_EMPTY, FRAME_LAST, 0, length, seq);
	if (length > FRAME_HEADER)
		put_u64(to + FRAME_HEADER, first);
	return length;
}

uint32_t frame_end_write(uint8_t *to, uint64_t seq)
{
	write_head(to, FRAME_TYPE_END, 0, 0, FRAME_HEADER, seq);
	return FRAME_HEADER;
}

void frame_patch(uint8_t *frame, uint8_t type, uint16_t flags, uint16_t attempt, uint64_t seq)
{
	frame[3] = type;
	put_u16(frame + 4, (uint16_t)(flags | (get_u16(frame + 4) & FRAME_SYSTEM)));
	put_u16(frame + 6, attempt);
	put_u64(frame + 16, seq);
	put_u32(frame + 12, frame_check(frame));
}
