#include "json/record_json.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/status.h"
#include "base/text.h"
#include "json/base64.h"

/* ---- writing */

static json_t *bytes_out(const void *data, int32_t length)
{
	struct buf text = {0};
	json_t *value;

	if (length < 0)
		return json_null();
	if (length == 0)
		return json_string("");
	if (text_utf8(data, (size_t)length))
		return json_stringn_nocheck(data, (size_t)length);
	base64_encode(data, (size_t)length, &text);
	value = json_pack("{s:s%}", "base64", (char *)text.data, text.length);
	buf_release(&text);
	return value;
}

static json_t *headers_out(const struct frame_record *record)
{
	json_t *list = json_array();
	const uint8_t *at = record->headers;

	for (uint32_t i = 0; i < record->header_count; i++) {
		struct frame_header header;
		json_t *pair = json_array();

		frame_header_next(&at, &header);
		json_array_append_new(pair, bytes_out(header.name, (int32_t)header.name_length));
		json_array_append_new(pair, bytes_out(header.value, header.value_length));
		json_array_append_new(list, pair);
	}
	return list;
}

static int collect(const char *data, size_t length, void *out)
{
	buf_append(out, data, length);
	return 0;
}

static json_t *integer_out(int64_t value)
{
	return value < 0 ? json_null() : json_integer(value);
}

static json_t *topic_out(const struct frame_record *record)
{
	return bytes_out(record->topic,
		record->topic_length == 0 ? FRAME_NULL : (int32_t)record->topic_length);
}

static void write_line(json_t *object, struct buf *out)
{
	if (json_dump_callback(object, collect, out, 0) != 0)
		die(STATUS_SOFTWARE, "cannot write a record as JSON");
	json_decref(object);
	buf_byte(out, '\n');
}

/* The keys in the order of the header's example. */
static json_t *object_out(const struct frame_record *record)
{
	json_t *object = json_object();

	json_object_set_new(object, "topic", topic_out(record));
	json_object_set_new(object, "partition", integer_out(record->partition));
	json_object_set_new(object, "offset", integer_out(record->offset));
	json_object_set_new(object, "timestamp",
		record->timestamp == -1 ? json_null() : json_integer(record->timestamp));
	json_object_set_new(object, "key", bytes_out(record->key, record->key_length));
	json_object_set_new(object, "value", bytes_out(record->value, record->value_length));
	json_object_set_new(object, "headers", headers_out(record));
	return object;
}

void record_json_write(const struct frame_record *record, struct buf *out)
{
	write_line(object_out(record), out);
}

void record_json_write_given(const struct frame_record *record, struct buf *out)
{
	json_t *object = object_out(record), *value;
	const char *name;
	void *next;

	json_object_foreach_safe(object, next, name, value)
	{
		bool empty = json_is_null(value) ||
			     (json_is_array(value) && json_array_size(value) == 0);

		if (empty && strcmp(name, "value") != 0)
			json_object_del(object, name);
	}
	write_line(object, out);
}

void record_json_write_failed(const char *error, size_t length, struct buf *out)
{
	json_t *object = json_object();

	json_object_set_new(object, "failed", bytes_out(error, (int32_t)length));
	write_line(object, out);
}

/* ---- reading: parts go into one buffer, and become pointers when it stands still */

struct part {
	size_t start;
	int32_t length; /* FRAME_NULL: null */
};

struct reader {
	struct buf *space;
	char *why;
	size_t why_size;
};

static bool refuse(struct reader *reader, const char *what, const char *expected)
{
	snprintf(reader->why, reader->why_size, "'%s' is not %s", what, expected);
	return false;
}

static bool bytes_in(
	struct reader *reader, const char *what, const json_t *value, struct part *part)
{
	const json_t *coded;

	*part = (struct part){reader->space->length, FRAME_NULL};
	if (value == NULL || json_is_null(value))
		return true;
	if (json_is_string(value)) {
		buf_append(reader->space, json_string_value(value), json_string_length(value));
	} else {
		coded = json_object_size(value) == 1 ? json_object_get(value, "base64") : NULL;
		if (!json_is_string(coded))
			return refuse(reader, what, "text, {\"base64\": ...} or null");
		if (!base64_decode(
			    json_string_value(coded), json_string_length(coded), reader->space))
			return refuse(reader, what, "valid base64");
	}
	if (reader->space->length - part->start > INT32_MAX)
		return refuse(reader, what, "short enough");
	part->length = (int32_t)(reader->space->length - part->start);
	return true;
}

static bool integer_in(
	struct reader *reader, const json_t *object, const char *what, int64_t low, int64_t high,
	int64_t *value)
{
	const json_t *found = json_object_get(object, what);

	*value = -1;
	if (found == NULL || json_is_null(found))
		return true;
	if (!json_is_integer(found) || json_integer_value(found) < low ||
		json_integer_value(found) > high)
		return refuse(reader, what, "a whole number");
	*value = json_integer_value(found);
	return true;
}

/* Encodes the headers behind each other at the end of the buffer, in two steps: name and value
 * first go to their place, 8 bytes further on, then the lengths in front of them. */
static bool headers_in(
	struct reader *reader, const json_t *list, struct frame_record *record, struct part *part)
{
	struct part name, value;
	const json_t *pair;
	size_t i;

	*part = (struct part){reader->space->length, 0};
	if (list == NULL || json_is_null(list))
		return true;
	if (!json_is_array(list))
		return refuse(reader, "headers", "a list of pairs");
	json_array_foreach(list, i, pair)
	{
		size_t front = reader->space->length;

		if (json_array_size(pair) != 2)
			return refuse(reader, "headers", "a list of pairs");
		buf_append(reader->space, "\0\0\0\0\0\0\0\0", 8);
		if (!bytes_in(reader, "header name", json_array_get(pair, 0), &name) ||
			!bytes_in(reader, "header value", json_array_get(pair, 1), &value))
			return false;
		if (name.length < 0)
			return refuse(reader, "header name", "text");
		put_u32(reader->space->data + front, (uint32_t)name.length);
		put_u32(reader->space->data + front + 4, (uint32_t)value.length);
	}
	if (reader->space->length - part->start > INT32_MAX)
		return refuse(reader, "headers", "short enough");
	record->header_count = (uint32_t)json_array_size(list);
	part->length = (int32_t)(reader->space->length - part->start);
	return true;
}

static bool known_keys(struct reader *reader, json_t *object)
{
	static const char *const known[] = {
		"topic", "partition", "offset", "timestamp", "key", "value", "headers"};
	const char *name;
	json_t *value;

	json_object_foreach(object, name, value)
	{
		bool found = false;

		for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
			found = found || strcmp(name, known[i]) == 0;
		if (!found) {
			snprintf(reader->why, reader->why_size, "unknown key '%.100s'", name);
			return false;
		}
	}
	return true;
}

static bool object_in(struct reader *reader, json_t *object, struct frame_record *record)
{
	struct part topic, key, value, headers;
	int64_t partition;
	const uint8_t *base;

	buf_reset(reader->space);
	if (!known_keys(reader, object) ||
		!bytes_in(reader, "topic", json_object_get(object, "topic"), &topic) ||
		!bytes_in(reader, "key", json_object_get(object, "key"), &key) ||
		!headers_in(reader, json_object_get(object, "headers"), record, &headers) ||
		!bytes_in(reader, "value", json_object_get(object, "value"), &value) ||
		!integer_in(reader, object, "partition", -1, INT32_MAX, &partition) ||
		!integer_in(reader, object, "offset", -1, INT64_MAX, &record->offset) ||
		!integer_in(reader, object, "timestamp", INT64_MIN, INT64_MAX, &record->timestamp))
		return false;
	if (topic.length > FRAME_TOPIC_MAX)
		return refuse(reader, "topic", "a topic name");
	buf_reserve(reader->space, 1); /* so that there is an address even if all is empty */
	base = reader->space->data;
	record->partition = (int32_t)partition;
	record->topic = (const char *)base + topic.start;
	record->topic_length = topic.length < 0 ? 0 : (uint32_t)topic.length;
	record->key = key.length < 0 ? NULL : base + key.start;
	record->key_length = key.length;
	record->headers = base + headers.start;
	record->headers_length = (uint32_t)headers.length;
	record->value = value.length < 0 ? NULL : base + value.start;
	record->value_length = value.length;
	return true;
}

bool record_json_read(const char *line, size_t length, struct frame_record *record,
	struct buf *space, char *why, size_t why_size)
{
	struct reader reader = {space, why, why_size};
	json_error_t error;
	json_t *object;
	bool good;

	*record = (struct frame_record){0};
	object = json_loadb(
		line, length, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (object == NULL) {
		snprintf(why, why_size, "not JSON: %s (column %d)", error.text, error.column);
		return false;
	}
	if (json_is_object(object)) {
		good = object_in(&reader, object, record);
	} else {
		snprintf(why, why_size, "not a JSON object");
		good = false;
	}
	json_decref(object);
	return good;
}

bool record_json_read_failed(const char *line, size_t length, struct buf *error)
{
	json_t *object = json_loadb(
		line, length, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
	const json_t *found =
		json_object_size(object) == 1 ? json_object_get(object, "failed") : NULL;
	struct reader reader = {error, (char[256]){0}, 256};
	struct part part;
	bool is_one;

	buf_reset(error);
	is_one = found != NULL && bytes_in(&reader, "failed", found, &part) && part.length >= 0;
	json_decref(object);
	return is_one;
}
