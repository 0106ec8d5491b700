#include "bruco-sink/dead_letter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "bruco-sink/tickets.h"
#include "frame/headers.h"
#include "frame/limits.h"

const char too_large[] = "message size too large";
const char name_with_nul[] = "NUL byte in a header's name, which Kafka's client can't carry";
const char bad_timestamp[] = "timestamp is not in the range that the topic accepts";
const char invalid_record[] = "record is invalid for the topic, as one without a key is if that is compacted";

/* How many headers at the end are of who failed it, the worker or the source: bruco-error, and a
 * bruco-traceback if there is one; 0 when the frame does not say that it has any. Others of these names are
 * the record's own: it was read from a dead letter's topic, or somebody wants to be believed. */
static uint32_t headers_of_worker(const struct frame_record *record, struct frame_header *error)
{
	const uint8_t *at = record->headers;
	struct frame_header header = {0};
	uint32_t last = 0; /* the error's place, counted from 1 */

	if (record->head.type != FRAME_TYPE_FAILED || (record->head.flags & FRAME_REASON) == 0)
		return 0;
	for (uint32_t i = 1; i <= record->header_count; i++) {
		frame_header_next(&at, &header);
		if (header_is_named(&header, "bruco-error")) {
			*error = header;
			last = i;
		}
	}
	if (last == 0 || error->value == NULL || error->value_length > LIMIT_FAILURE_TEXT ||
		(!header_is_named(&header, "bruco-error") && !header_is_named(&header, "bruco-traceback")))
		return 0;
	return record->header_count - last + 1;
}

/* The error that the worker appended, or NULL. */
char *dead_letter_error(const struct frame_record *record)
{
	struct frame_header error;

	if (headers_of_worker(record, &error) == 0)
		return NULL;
	return mem_text_n((const char *)error.value, (size_t)error.value_length);
}

/* ---- its headers */

static void add_header(
	struct frame_record *letter, struct buf *headers, const char *name, const char *value)
{
	headers_append_text(headers, name, value, value == NULL ? 0 : strlen(value));
	letter->header_count++;
}

static void add_number(
	struct frame_record *letter, struct buf *headers, const char *name, int64_t value)
{
	char text[24];

	snprintf(text, sizeof text, "%lld", (long long)value);
	add_header(letter, headers, name, text);
}

/* The record's headers, without what an earlier failure had left; the worker's at the end stay. */
static void copy_headers(
	struct frame_record *letter, struct buf *headers, const struct frame_record *record)
{
	struct frame_header header;
	uint32_t own = record->header_count - headers_of_worker(record, &header);
	const uint8_t *at = record->headers;

	letter->header_count = 0;
	for (uint32_t i = 0; i < record->header_count; i++) {
		const uint8_t *from = at;

		frame_header_next(&at, &header);
		if (i < own && limits_of_failure(&header))
			continue;
		buf_append(headers, from, (size_t)(at - from));
		letter->header_count++;
	}
}

/* ---- a dead letter that is refused itself */

static const struct frame_header *find(const struct frame_record *letter, const char *name)
{
	static struct frame_header header;
	const uint8_t *at = letter->headers;

	for (uint32_t i = 0; i < letter->header_count; i++) {
		frame_header_next(&at, &header);
		if (header_is_named(&header, name))
			return &header;
	}
	return NULL;
}

typedef bool wanted_header(const struct frame_header *header, const char *name);

/* Any but that one. */
static bool is_other(const struct frame_header *header, const char *name)
{
	return !header_is_named(header, name);
}

/* The headers about the failure, but not that one. */
static bool is_other_of_failure(const struct frame_header *header, const char *name)
{
	return !header_is_named(header, name) && limits_of_failure(header);
}

static bool has_no_nul(const struct frame_header *header, const char *name)
{
	(void)name;
	return memchr(header->name, '\0', header->name_length) == NULL;
}

/* Copies those of the letter's headers that are wanted, in order. */
static void keep_headers(struct frame_record *letter, struct buf *headers, wanted_header *wanted,
	const char *name)
{
	struct frame_header header;
	const uint8_t *at = letter->headers;
	uint32_t count = letter->header_count;

	letter->header_count = 0;
	for (uint32_t i = 0; i < count; i++) {
		const uint8_t *from = at;

		frame_header_next(&at, &header);
		if (!wanted(&header, name))
			continue;
		buf_append(headers, from, (size_t)(at - from));
		letter->header_count++;
	}
}

/* Leaves out the largest part that is left. */
static bool mend_size(struct frame_record *letter, struct buf *headers)
{
	static const char *const without[] = {"value", "value and headers", "value, headers and key"};
	const struct frame_header *before = find(letter, "bruco-without");
	size_t step = 0;

	if (before != NULL)
		while (step < 3 && strlen(without[step]) != (size_t)before->value_length)
			step++;
	step += before != NULL;
	if (step == 0 && letter->value_length <= 0)
		step = 1;
	if (step == 1 && letter->header_count == 0)
		step = 2;
	if (step > 2 || (step == 2 && letter->key_length <= 0))
		return false;
	keep_headers(letter, headers, step < 1 ? is_other : is_other_of_failure, "bruco-without");
	letter->value = NULL;
	letter->value_length = FRAME_NULL;
	if (step == 2) {
		letter->key = NULL;
		letter->key_length = FRAME_NULL;
	}
	add_header(letter, headers, "bruco-without", without[step]);
	return true;
}

static bool mend_names(struct frame_record *letter, struct buf *headers)
{
	uint32_t count = letter->header_count;

	keep_headers(letter, headers, has_no_nul, NULL);
	return letter->header_count < count;
}

static bool mend_timestamp(struct frame_record *letter, struct buf *headers)
{
	if (find(letter, "bruco-timestamp") != NULL)
		return false;
	keep_headers(letter, headers, is_other, "bruco-timestamp");
	add_number(letter, headers, "bruco-timestamp", letter->timestamp);
	letter->timestamp = -1; /* the producer takes the present time */
	return true;
}

/* A key that no other letter has: in a compacted topic it would go when that one comes. */
static bool mend_key(struct sink *sink, uint64_t ticket, struct frame_record *letter,
	struct buf *headers, struct buf *key)
{
	struct origin origin;

	if (letter->key_length >= 0)
		return false;
	origin = ticket_origin(sink, ticket);
	buf_reset(key);
	if (origin.topic != NULL)
		buf_printf(key, "%s/%d/%lld/", origin.topic, (int)origin.partition,
			(long long)origin.offset);
	else
		buf_printf(key, "%d/%lld/", (int)getpid(),
			(long long)ticket_number(sink, ticket));
	buf_printf(key, "%u", ticket_output(ticket));
	keep_headers(letter, headers, is_other, "bruco-key");
	add_header(letter, headers, "bruco-key", NULL);
	letter->key = key->data;
	letter->key_length = (int32_t)key->length;
	return true;
}

bool dead_letter_mend(
	struct sink *sink, uint64_t ticket, struct frame_record *letter, const char *why)
{
	static struct buf spaces[2], key;
	/* The letter may be in the one that the last call filled. */
	struct buf *headers = letter->headers == spaces[0].data ? &spaces[1] : &spaces[0];
	bool mended = false;

	buf_reset(headers);
	if (why == too_large)
		mended = mend_size(letter, headers);
	else if (why == name_with_nul)
		mended = mend_names(letter, headers);
	else if (why == bad_timestamp)
		mended = mend_timestamp(letter, headers);
	else if (why == invalid_record)
		mended = mend_key(sink, ticket, letter, headers, &key);
	if (!mended)
		return false;
	letter->headers = headers->data;
	letter->headers_length = (uint32_t)headers->length;
	letter->head.length = frame_record_size(letter, UINT32_MAX);
	return true;
}

/* ---- putting it */

void dead_letter_write(struct frame_record *letter, struct buf *headers, unsigned lane,
	const struct frame_record *record, const char *error, bool has_error)
{
	struct frame_place place;
	char worker[32];

	*letter = *record;
	copy_headers(letter, headers, record);
	if (!has_error)
		add_header(letter, headers, "bruco-error", error);
	if (record->head.type == FRAME_TYPE_FAILED)
		add_number(letter, headers, "bruco-attempts", record->head.attempt);
	if (frame_place(record, &place)) {
		char *topic = mem_text_n(place.topic, place.topic_length);

		add_header(letter, headers, "bruco-topic", topic);
		add_number(letter, headers, "bruco-partition", place.partition);
		add_number(letter, headers, "bruco-offset", place.offset);
		free(topic);
	}
	snprintf(worker, sizeof worker, "bruco-worker-%u", lane);
	add_header(letter, headers, "bruco-worker", worker);
	letter->headers = headers->data;
	letter->headers_length = (uint32_t)headers->length;
	letter->head.type = FRAME_TYPE_RECORD;
	letter->head.flags = FRAME_LAST;
	letter->origin_topic = NULL;
	letter->head.length = frame_record_size(letter, UINT32_MAX);
}

enum put_result dead_letter_put(struct sink *sink, unsigned lane,
	const struct frame_record *record, const char *error, bool has_error, uint64_t ticket)
{
	static struct buf headers;
	struct frame_record letter;
	bool cut = false;
	const char *why = NULL;

	buf_reset(&headers);
	dead_letter_write(&letter, &headers, lane, record, error, has_error);
	do {
		enum put_result result;

		cut = cut || why == name_with_nul;
		why = letter.head.length == 0 ? too_large
					      : destination_refuse(&sink->dead_letter, &letter);
		if (why != NULL)
			continue;
		result = destination_put(&sink->dead_letter, &letter, ticket);
		if (cut && result != PUT_FULL && result != PUT_REFUSED)
			log_warning("a dead letter lacks the headers with a NUL byte in their names");
		if (result != PUT_REFUSED)
			return result;
		why = sink->dead_letter.why;
	} while (dead_letter_mend(sink, ticket, &letter, why));
	log_error("a dead letter can't be delivered: %s", why);
	sink_fail(sink, STATUS_FAILED);
	return PUT_FULL;
}
