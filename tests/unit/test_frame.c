#include "frame/cursor.h"
#include "frame/headers.h"

#include <limits.h>
#include <stdlib.h>

#include "unit.h"

static uint8_t bytes[4096];

/* A record with everything: two headers of one name, one of them null, a binary key. */
static uint32_t sample(uint8_t *to)
{
	uint8_t headers[64];
	struct frame_header first = {"h", 1, 2, (const uint8_t *)"v1"};
	struct frame_header second = {"h", 1, FRAME_NULL, NULL};
	size_t length = frame_header_write(headers, &first);
	struct frame_record record = {
		.head = {.type = FRAME_TYPE_RECORD, .flags = FRAME_LAST, .attempt = 3, .seq = 77},
		.offset = 1234,
		.timestamp = 1767225600000,
		.partition = 3,
		.topic = "orders",
		.topic_length = 6,
		.key = (const uint8_t *)"\0\xff",
		.key_length = 2,
		.value = (const uint8_t *)"value",
		.value_length = 5,
		.headers = headers,
		.header_count = 2};

	length += frame_header_write(headers + length, &second);
	record.headers_length = (uint32_t)length;
	return frame_record_write(to, &record);
}

static enum frame_result decode(
	const uint8_t *data, size_t available, uint32_t cap, struct frame_record *record)
{
	struct frame_head head;
	const char *why = NULL;
	enum frame_result result = frame_head_read(data, available, cap, &head, &why);
	uint8_t *exact;

	if (result == FRAME_OK &&
		(head.type == FRAME_TYPE_RECORD || head.type == FRAME_TYPE_FAILED)) {
		/* A copy of just these bytes, so that a sanitizer sees every step beyond them. */
		exact = malloc(head.length);
		memcpy(exact, data, head.length);
		result = frame_record_read(exact, &head, record, &why);
		free(exact);
	}
	if (result == FRAME_BAD)
		CHECK(why != NULL);
	return result;
}

TEST(record_comes_back_as_it_was)
{
	uint32_t length = sample(bytes);
	struct frame_head head;
	struct frame_record record;
	struct frame_header header;
	const uint8_t *at;
	const char *why;

	CHECK_INT(frame_head_read(bytes, length, 4096, &head, &why), FRAME_OK);
	CHECK_INT(head.length, length);
	CHECK_INT(frame_record_read(bytes, &head, &record, &why), FRAME_OK);
	CHECK_INT(record.head.seq, 77);
	CHECK_INT(record.head.attempt, 3);
	CHECK_INT(record.head.flags, FRAME_LAST);
	CHECK_INT(record.offset, 1234);
	CHECK_INT(record.timestamp, 1767225600000);
	CHECK_INT(record.partition, 3);
	CHECK_BYTES(record.topic, record.topic_length, "orders", 6);
	CHECK_BYTES(record.key, record.key_length, "\0\xff", 2);
	CHECK_BYTES(record.value, record.value_length, "value", 5);
	at = record.headers;
	frame_header_next(&at, &header);
	CHECK_BYTES(header.value, header.value_length, "v1", 2);
	frame_header_next(&at, &header);
	CHECK_INT(header.value_length, FRAME_NULL);
	CHECK(header.value == NULL);
}

TEST(routed_record_says_where_its_input_came_from_or_not)
{
	struct frame_record in = {.head = {.type = FRAME_TYPE_RECORD, .flags = FRAME_ROUTED},
		.topic = "there",
		.topic_length = 5,
		.key_length = FRAME_NULL,
		.value = (const uint8_t *)"v",
		.value_length = 1,
		.origin_topic = "here",
		.origin_topic_length = 4,
		.origin_partition = 3,
		.origin_offset = 1LL << 40};
	struct frame_record out;
	struct frame_place place;
	uint32_t length = frame_record_write(bytes, &in);

	CHECK_INT(length, frame_record_size(&in, UINT32_MAX));
	CHECK_INT(frame_record_size(&in, length - 1), 0);
	CHECK_INT(decode(bytes, length, 4096, &out), FRAME_OK);
	CHECK_BYTES(out.topic, out.topic_length, "there", 5);
	CHECK_BYTES(out.value, out.value_length, "v", 1);
	CHECK(frame_place(&out, &place));
	CHECK_BYTES(place.topic, place.topic_length, "here", 4);
	CHECK_INT(place.partition, 3);
	CHECK_INT(place.offset, 1LL << 40);
	CHECK_INT(frame_record_front(&out), FRAME_RECORD + 5);
	CHECK_INT(frame_record_behind(&out), FRAME_ORIGIN + 4);
	for (uint32_t less = 1; less < FRAME_ORIGIN; less++) { /* a part of it is none */
		in.origin_topic_length = 0;
		length = frame_record_write(bytes, &in) - less;
		put_u32(bytes + 8, length);
		put_u32(bytes + 12, frame_check(bytes));
		CHECK_INT(decode(bytes, length, 4096, &out), FRAME_BAD);
	}
	in.origin_topic = NULL;
	length = frame_record_write(bytes, &in);
	CHECK_INT(decode(bytes, length, 4096, &out), FRAME_OK);
	CHECK(!frame_place(&out, &place));
	in.head.flags = 0; /* only a routed one has it */
	in.origin_topic = "here";
	length = frame_record_write(bytes, &in);
	CHECK_INT(decode(bytes, length, 4096, &out), FRAME_BAD);
}

TEST(an_input_says_which_system_it_came_from_or_not)
{
	static char name[FRAME_SYSTEM_MAX + 1];
	struct frame_record in = {.head.type = FRAME_TYPE_RECORD,
		.topic = "orders",
		.topic_length = 6,
		.key_length = FRAME_NULL,
		.value = (const uint8_t *)"v",
		.value_length = 1,
		.system = "4L6g3nShT",
		.system_length = 9};
	struct frame_record out;
	struct frame_place place;
	uint32_t length = frame_record_write(bytes, &in);

	CHECK_INT(length, frame_record_size(&in, UINT32_MAX));
	CHECK_INT(decode(bytes, length, 4096, &out), FRAME_OK);
	CHECK_BYTES(out.value, out.value_length, "v", 1);
	CHECK_BYTES(out.system, out.system_length, "4L6g3nShT", 9);
	CHECK_INT(frame_record_counted(&out), FRAME_RECORD + 1);
	CHECK_INT(frame_record_behind(&out), 0);
	CHECK(frame_place(&out, &place));
	CHECK_BYTES(place.topic, place.topic_length, "orders", 6);
	frame_patch(bytes, FRAME_TYPE_RECORD, FRAME_ALONE, 3, 7);
	CHECK_INT(decode(bytes, length, 4096, &out), FRAME_OK);
	CHECK_INT(out.head.flags, FRAME_ALONE | FRAME_SYSTEM);
	in = out; /* written by what was read */
	in.system_length = 0;
	length = frame_record_write(bytes, &in);
	CHECK_INT(decode(bytes, length, 4096, &out), FRAME_OK);
	CHECK_INT(out.system_length, 0);
	memset(name, 'x', sizeof name);
	in.system = name;
	in.system_length = FRAME_SYSTEM_MAX;
	length = frame_record_write(bytes, &in);
	CHECK_INT(decode(bytes, length, 4096, &out), FRAME_OK);
	in.system_length++;
	length = frame_record_write(bytes, &in);
	CHECK_INT(decode(bytes, length, 4096, &out), FRAME_BAD);
}

TEST(null_and_empty_differ)
{
	for (int shape = 0; shape < 4; shape++) {
		struct frame_record in = {.head.type = FRAME_TYPE_RECORD,
			.key_length = shape & 1 ? 0 : FRAME_NULL,
			.value_length = shape & 2 ? 0 : FRAME_NULL};
		struct frame_record out;
		uint32_t length = frame_record_write(bytes, &in);

		CHECK_INT(decode(bytes, length, 4096, &out), FRAME_OK);
		CHECK_INT(out.key_length, in.key_length);
		CHECK_INT(out.value_length, in.value_length);
		CHECK_INT(out.key == NULL, !(shape & 1));
		CHECK_INT(out.value == NULL, !(shape & 2));
	}
}

TEST(every_truncation_needs_more)
{
	uint32_t length = sample(bytes);
	struct frame_record record;

	for (uint32_t cut = 0; cut < length; cut++)
		CHECK_INT(decode(bytes, cut, 4096, &record), FRAME_MORE);
}

TEST(every_flipped_header_bit_is_seen)
{
	uint32_t length = sample(bytes);
	struct frame_record record;

	for (unsigned bit = 0; bit < FRAME_HEADER * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		CHECK_INT(decode(bytes, length, 4096, &record), FRAME_BAD);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	CHECK_INT(decode(bytes, length, 4096, &record), FRAME_OK);
}

/* Sets a length field of the record part and sees what the decoder says. */
static void lying(size_t field, uint32_t value, enum frame_result expected)
{
	uint32_t length = sample(bytes);
	struct frame_record record;

	put_u32(bytes + field, value);
	CHECK_INT(decode(bytes, length, 4096, &record), expected);
}

TEST(lengths_that_lie_are_refused)
{
	static const size_t fields[] = {44, 48, 52, 56, 60};
	static const uint32_t values[] = {
		0, 1, 100, INT32_MAX, (uint32_t)INT32_MIN, UINT32_MAX - 1, 65537, UINT32_MAX};

	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
		for (size_t j = 0; j < sizeof values / sizeof values[0]; j++)
			lying(fields[i], values[j], FRAME_BAD);
}

TEST(total_length_is_checked_before_anything_else)
{
	static const uint32_t values[] = {
		0, 1, FRAME_HEADER, FRAME_RECORD - 1, 4097, INT32_MAX, 1U << 31, UINT32_MAX};
	struct frame_head head;
	const char *why;

	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		sample(bytes);
		put_u32(bytes + 8, values[i]);
		put_u32(bytes + 12, frame_check(bytes));
		CHECK_INT(frame_head_read(bytes, sizeof bytes, 4096, &head, &why), FRAME_BAD);
	}
}

TEST(unknown_version_type_and_flag_are_named)
{
	struct frame_head head;
	const char *why;

	sample(bytes);
	bytes[2] = 2;
	CHECK_INT(frame_head_read(bytes, 100, 4096, &head, &why), FRAME_BAD);
	CHECK_TEXT(why, "unknown frame version");
	sample(bytes);
	frame_patch(bytes, 9, 0, 0, 1);
	CHECK_INT(frame_head_read(bytes, 100, 4096, &head, &why), FRAME_BAD);
	CHECK_TEXT(why, "unknown frame type");
	sample(bytes);
	frame_patch(bytes, FRAME_TYPE_RECORD, 64, 0, 1);
	CHECK_INT(frame_head_read(bytes, 100, 4096, &head, &why), FRAME_BAD);
	CHECK_TEXT(why, "unknown frame flag");
}

TEST(header_lengths_inside_the_block_must_add_up)
{
	uint32_t length = sample(bytes);
	size_t headers = FRAME_RECORD + 6 + 2;
	static const uint32_t values[] = {0, 2, 100, INT32_MAX, UINT32_MAX, UINT32_MAX - 1};
	struct frame_record record;

	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
		for (size_t field = 0; field < 2; field++) {
			if (field == 1 && values[i] == 2)
				continue; /* that is what it is */
			sample(bytes);
			put_u32(bytes + headers + 4 * field, values[i]);
			CHECK_INT(decode(bytes, length, 4096, &record), FRAME_BAD);
		}
}

TEST(incomplete_frame_says_how_long_it_is)
{
	uint32_t length = sample(bytes);
	struct frame_head head;
	const char *why;

	CHECK_INT(frame_head_read(bytes, FRAME_HEADER - 1, 4096, &head, &why), FRAME_MORE);
	CHECK_INT(head.length, FRAME_HEADER);
	CHECK_INT(frame_head_read(bytes, FRAME_HEADER, 4096, &head, &why), FRAME_MORE);
	CHECK_INT(head.length, length);
	CHECK_INT(frame_head_read(bytes, length - 1, 4096, &head, &why), FRAME_MORE);
	CHECK_INT(frame_head_read(bytes, length, 4096, &head, &why), FRAME_OK);
}

TEST(cursor_stops_at_the_end_and_at_what_is_no_frame)
{
	uint32_t length = sample(bytes);
	uint32_t empty = frame_empty_write(bytes + length, 78, 78);
	struct frame_cursor cursor = frame_cursor(bytes, length + empty, 4096);

	CHECK_INT(frame_next(&cursor), FRAME_OK);
	CHECK(cursor.frame == bytes && frame_has_record(&cursor.record.head));
	CHECK_INT(cursor.record.value_length, 5);
	CHECK_INT(frame_next(&cursor), FRAME_OK);
	CHECK(cursor.frame == bytes + length && !frame_has_record(&cursor.record.head));
	CHECK_INT(cursor.record.head.seq, 78);
	CHECK_INT(frame_next(&cursor), FRAME_MORE);
	CHECK(cursor.next == bytes + length + empty);

	cursor = frame_cursor(bytes, length + empty - 1, 4096);
	CHECK_INT(frame_next(&cursor), FRAME_OK);
	CHECK_INT(frame_next(&cursor), FRAME_MORE);
	CHECK(cursor.next == bytes + length);

	bytes[length] = 'X';
	cursor = frame_cursor(bytes, length + empty, 4096);
	CHECK_INT(frame_next(&cursor), FRAME_OK);
	CHECK_INT(frame_next(&cursor), FRAME_BAD);
	CHECK(cursor.next == bytes + length);
	CHECK_TEXT(cursor.why, "not a frame (wrong magic)");
}

TEST(appended_headers_are_read_again)
{
	struct buf headers = {0};
	struct frame_header header;
	const uint8_t *at;

	headers_append_text(&headers, "name", "value", 5);
	headers_append_text(&headers, "", NULL, 0);
	at = headers.data;
	frame_header_next(&at, &header);
	CHECK(header_is_named(&header, "name") && !header_is_named(&header, "nam"));
	CHECK_INT(header.value_length, 5);
	frame_header_next(&at, &header);
	CHECK(header_is_named(&header, "") && header.value == NULL);
	CHECK(at == headers.data + headers.length);
	buf_release(&headers);
}

TEST(end_mark_covers_its_range)
{
	struct frame_head head;
	uint64_t first;
	const char *why;

	CHECK_INT(frame_empty_write(bytes, 9, 9), FRAME_HEADER);
	CHECK_INT(frame_head_read(bytes, 24, 4096, &head, &why), FRAME_OK);
	CHECK_INT(frame_empty_read(bytes, &head, &first, &why), FRAME_OK);
	CHECK_INT(first, 9);
	CHECK_INT(frame_empty_write(bytes, 9, 5), FRAME_HEADER + 8);
	CHECK_INT(frame_head_read(bytes, 32, 4096, &head, &why), FRAME_OK);
	CHECK_INT(frame_empty_read(bytes, &head, &first, &why), FRAME_OK);
	CHECK_INT(first, 5);
	put_u64(bytes + FRAME_HEADER, 10);
	CHECK_INT(frame_empty_read(bytes, &head, &first, &why), FRAME_BAD);
}

TEST(size_stops_at_the_cap)
{
	struct frame_record record = {
		.value = bytes, .value_length = 100, .key_length = FRAME_NULL};

	CHECK_INT(frame_record_size(&record, 164), 164);
	CHECK_INT(frame_record_size(&record, 163), 0);
	record.headers_length = UINT32_MAX;
	CHECK_INT(frame_record_size(&record, UINT32_MAX), 0);
}

static enum frame_result with_headers(uint32_t count)
{
	uint32_t length = FRAME_RECORD + 8 * count;
	uint8_t *frame = calloc(1, length);
	struct frame_record record = {.head.type = FRAME_TYPE_RECORD,
		.key_length = FRAME_NULL,
		.value_length = FRAME_NULL,
		.header_count = count,
		.headers = frame + FRAME_RECORD, /* zeros: no name, an empty value */
		.headers_length = 8 * count};
	enum frame_result result;

	frame_record_write_front(frame, &record, length);
	result = decode(frame, length, length, &record);
	free(frame);
	return result;
}

TEST(headers_are_so_many_and_no_more)
{
	CHECK_INT(with_headers(FRAME_HEADERS_MAX - 1), FRAME_OK);
	CHECK_INT(with_headers(FRAME_HEADERS_MAX), FRAME_OK);
	CHECK_INT(with_headers(FRAME_HEADERS_MAX + 1), FRAME_BAD);
}

TEST(random_bytes_never_pass_or_crash)
{
	struct frame_record record;

	srand(1);
	for (int round = 0; round < 200000; round++) {
		uint32_t length = sample(bytes);
		int flips = 1 + rand() % 4;

		while (flips-- > 0)
			bytes[24 + (unsigned)rand() % (length - 24)] = (uint8_t)rand();
		decode(bytes, length, 4096, &record); /* any answer, inside the bytes */
	}
}

UNIT_MAIN
