/* Records as JSON: what a line gives, written and read again, is the same record, and each line is
 * valid JSON of one line. */
#include "fuzz.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "json/record_json.h"

enum { CAP = 1 << 20 };

static bool same(const void *a, const void *b, size_t length)
{
	return length == 0 || memcmp(a, b, length) == 0;
}

static void check_line(const struct buf *line)
{
	json_t *object = json_loadb((const char *)line->data, line->length,
		JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);

	HOLDS(json_is_object(object));
	HOLDS(memchr(line->data, '\n', line->length) == line->data + line->length - 1);
	json_decref(object);
}

static size_t size(int32_t length)
{
	return length < 0 ? 0 : (size_t)length;
}

static void check_same(const struct frame_record *a, const struct frame_record *b)
{
	HOLDS(a->topic_length == b->topic_length && same(a->topic, b->topic, a->topic_length));
	HOLDS(a->key_length == b->key_length && same(a->key, b->key, size(a->key_length)));
	HOLDS(a->value_length == b->value_length &&
		same(a->value, b->value, size(a->value_length)));
	HOLDS(a->header_count == b->header_count && a->headers_length == b->headers_length &&
		same(a->headers, b->headers, a->headers_length));
	HOLDS(a->partition == b->partition && a->offset == b->offset);
	HOLDS(a->timestamp == b->timestamp);
}

static void write_and_read(const struct frame_record *record,
	void (*write_line)(const struct frame_record *record, struct buf *out))
{
	struct buf line = {0}, space = {0};
	struct frame_record again;
	char why[256];

	write_line(record, &line);
	check_line(&line);
	HOLDS(record_json_read((const char *)line.data, line.length - 1, &again, &space, why,
		sizeof why));
	check_same(record, &again);
	buf_release(&line);
	buf_release(&space);
}

/* What is read becomes a frame, as with `bruco test`. */
static void frame_it(const struct frame_record *record)
{
	uint32_t length = frame_record_size(record, CAP);
	struct frame_record again;
	const char *why;
	uint8_t *frame = malloc(length + 1);
	struct frame_record copy = *record;

	copy.head = (struct frame_head){.type = FRAME_TYPE_RECORD, .flags = FRAME_LAST, .seq = 1};
	if (length > 0 && record->header_count <= FRAME_HEADERS_MAX) {
		HOLDS(frame_record_write(frame, &copy) == length);
		HOLDS(frame_read(frame, length, CAP, &again, &why) == FRAME_OK);
		check_same(record, &again);
	}
	free(frame);
}

static void read_failed(const char *line, size_t length)
{
	struct buf error = {0}, out = {0}, again = {0};

	if (record_json_read_failed(line, length, &error)) {
		record_json_write_failed((const char *)error.data, error.length, &out);
		check_line(&out);
		HOLDS(record_json_read_failed((const char *)out.data, out.length - 1, &again));
		HOLDS(again.length == error.length && same(again.data, error.data, error.length));
	}
	buf_release(&error);
	buf_release(&out);
	buf_release(&again);
}

FUZZ(data, length)
{
	struct fuzz_input input = {data, length};
	char *line = (char *)fuzz_rest(&input), why[256] = "";
	struct frame_record record;
	struct buf space = {0};

	if (record_json_read(line, length, &record, &space, why, sizeof why)) {
		write_and_read(&record, record_json_write);
		write_and_read(&record, record_json_write_given);
		frame_it(&record);
	} else {
		HOLDS(why[0] != '\0');
	}
	read_failed(line, length);
	buf_release(&space);
	free(line);
	return 0;
}
