/* What a dead letter says of where it came from and why, and what is left out when it is refused.
 */
#include "failing_sink.h"

#include <string.h>

#include "frame/headers.h"

static const char *headers_of_letter(void)
{
	buf_byte(&last_headers, '\0');
	return (const char *)last_headers.data;
}

/* "NAME=VALUE" each, as headers of a failed frame that was a dead letter before; flagged FRAME_REASON when
 * its worker has appended the last of them. */
static void add_replayed(const char *const *texts, size_t count, uint16_t reason)
{
	struct buf headers = {0};
	struct frame_record record = {
		.head = {.type = FRAME_TYPE_FAILED, .flags = FRAME_LAST | reason, .attempt = 2, .seq = 1},
		.offset = 9,
		.partition = 1,
		.timestamp = -1,
		.topic = "dead",
		.topic_length = 4,
		.key_length = FRAME_NULL,
		.value = (const uint8_t *)"x",
		.value_length = 1,
		.header_count = (uint32_t)count};

	for (size_t i = 0; i < count; i++) {
		const char *equals = strchr(texts[i], '=');
		struct frame_header header = {.name = texts[i],
			.name_length = (uint32_t)(equals - texts[i]),
			.value = (const uint8_t *)equals + 1,
			.value_length = (int32_t)strlen(equals + 1)};

		headers_append(&headers, &header);
	}
	record.headers = headers.data;
	record.headers_length = (uint32_t)headers.length;
	buf_reserve(&frames, 2048);
	frames.length += frame_record_write(frames.data + frames.length, &record);
	buf_release(&headers);
}

#define EARLIER                                                                                    \
	"own=1", "bruco-error=old", "bruco-traceback=old", "bruco-attempts=3", "bruco-topic=in",   \
		"bruco-partition=0", "bruco-offset=5", "bruco-worker=bruco-worker-7", "bruco-x=2"

TEST(replayed_letter_that_fails_again_has_the_newest_headers)
{
	add_replayed(
		(const char *const[]){EARLIER, "bruco-error=new", "bruco-traceback=newest"}, 11,
		FRAME_REASON);
	CHECK_TEXT(run_lane(FAILURE_DEAD_LETTER), "letter:x(new) ");
	CHECK_TEXT(headers_of_letter(),
		"own=1 bruco-x=2 bruco-error=new bruco-traceback=newest bruco-attempts=2 "
		"bruco-topic=dead bruco-partition=1 bruco-offset=9 bruco-worker=bruco-worker-0 ");
}

TEST(replayed_letter_whose_worker_dies_has_nothing_of_the_earlier_failure)
{
	add_replayed((const char *const[]){EARLIER}, 8, 0);
	CHECK_TEXT(run_lane(FAILURE_DEAD_LETTER), "letter:x(worker died while the event ran) ");
	CHECK_TEXT(headers_of_letter(),
		"own=1 bruco-error=worker died while the event ran bruco-attempts=2 "
		"bruco-topic=dead bruco-partition=1 bruco-offset=9 bruco-worker=bruco-worker-0 ");
}

TEST(who_sends_a_record_does_not_say_why_it_failed)
{
	add_replayed((const char *const[]){"own=1", "bruco-error=all is well", "bruco-traceback=none"}, 3, 0);
	CHECK_TEXT(run_lane(FAILURE_DEAD_LETTER), "letter:x(worker died while the event ran) ");
	CHECK_TEXT(headers_of_letter(),
		"own=1 bruco-error=worker died while the event ran bruco-attempts=2 "
		"bruco-topic=dead bruco-partition=1 bruco-offset=9 bruco-worker=bruco-worker-0 ");
}

/* The record "d" comes back from its delivery report. */
static void refuse_late(uint64_t ticket)
{
	struct frame_record record = {.head = {.type = FRAME_TYPE_RECORD, .flags = FRAME_LAST},
		.offset = -1,
		.timestamp = -1,
		.topic = "o",
		.topic_length = 1,
		.key_length = FRAME_NULL,
		.value = (const uint8_t *)"d",
		.value_length = 1};

	failure_refused(&sink, ticket, &record, "too much");
}

TEST(late_refusal_is_acknowledged_when_its_dead_letter_is)
{
	add_frame(FRAME_TYPE_RECORD, FRAME_LAST, 1, "d", NULL);
	run_lane(FAILURE_DEAD_LETTER);
	letters_full = true;
	refuse_late(tickets[0]);
	failure_work(&sink);
	CHECK_INT(sink.under_way, 1);
	CHECK_INT(acked(), 0);
	letters_full = false;
	buf_reset(&notes);
	failure_work(&sink);
	failure_work(&sink);
	buf_byte(&notes, '\0');
	CHECK_TEXT((const char *)notes.data, "letter:d(too much) ");
	CHECK_INT(sink.under_way, 1);
	CHECK_INT(acked(), 0);
	ticket_delivered(&sink, tickets[1]);
	CHECK_INT(sink.under_way, 0);
	CHECK_INT(acked(), 1);
}

/* A record that its handler has sent elsewhere, with where its input came from. */
static void add_routed(uint64_t seq, const char *value)
{
	struct frame_record record = {
		.head = {.type = FRAME_TYPE_RECORD, .flags = FRAME_LAST | FRAME_ROUTED, .seq = seq},
		.offset = -1,
		.timestamp = -1,
		.partition = -1,
		.topic = "elsewhere",
		.topic_length = 9,
		.key_length = FRAME_NULL,
		.value = (const uint8_t *)value,
		.value_length = (int32_t)strlen(value),
		.origin_topic = "in",
		.origin_topic_length = 2,
		.origin_partition = 4,
		.origin_offset = 44};

	buf_reserve(&frames, 512);
	frames.length += frame_record_write(frames.data + frames.length, &record);
}

TEST(late_refusal_says_where_its_input_came_from)
{
	add_frame(FRAME_TYPE_RECORD, FRAME_LAST, 1, "d", NULL);
	add_routed(2, "d");
	add_frame(FRAME_TYPE_RECORD, FRAME_LAST | FRAME_ROUTED, 3, "d", NULL);
	run_lane(FAILURE_DEAD_LETTER);
	refuse_late(tickets[0]);
	CHECK_TEXT(headers_of_letter(), "bruco-error=too much bruco-topic=t bruco-partition=0 "
					"bruco-offset=7 bruco-worker=bruco-worker-0 ");
	refuse_late(tickets[1]);
	CHECK_TEXT(headers_of_letter(), "bruco-error=too much bruco-topic=in bruco-partition=4 "
					"bruco-offset=44 bruco-worker=bruco-worker-0 ");
	refuse_late(tickets[2]); /* which says nothing of it */
	CHECK_TEXT(headers_of_letter(), "bruco-error=too much bruco-worker=bruco-worker-0 ");
}

TEST(routed_output_that_is_refused_says_where_its_input_came_from)
{
	add_routed(1, "!");
	run_lane(FAILURE_DEAD_LETTER);
	CHECK_TEXT(headers_of_letter(),
		"bruco-error=it is no good bruco-topic=in bruco-partition=4 "
		"bruco-offset=44 bruco-worker=bruco-worker-0 ");
}

static struct buf letter_headers;

static struct frame_record a_letter(const char *key)
{
	static const char *const names[] = {"own", "bruco-error"};
	struct frame_record letter = {.head = {.type = FRAME_TYPE_RECORD, .flags = FRAME_LAST},
		.timestamp = 123456,
		.key = (const uint8_t *)key,
		.key_length = key == NULL ? FRAME_NULL : (int32_t)strlen(key),
		.value = (const uint8_t *)"d",
		.value_length = 1,
		.header_count = 2};

	buf_reset(&letter_headers);
	for (size_t i = 0; i < 2; i++)
		headers_append_text(&letter_headers, names[i], "x", 1);
	letter.headers = letter_headers.data;
	letter.headers_length = (uint32_t)letter_headers.length;
	return letter;
}

static const char *headers_of(const struct frame_record *record)
{
	const uint8_t *at = record->headers;
	struct frame_header header;

	buf_reset(&last_headers);
	for (uint32_t i = 0; i < record->header_count; i++) {
		frame_header_next(&at, &header);
		buf_printf(&last_headers, "%.*s=%.*s ", (int)header.name_length, header.name,
			header.value_length < 0 ? 1 : header.value_length,
			header.value == NULL ? "-" : (const char *)header.value);
	}
	buf_byte(&last_headers, '\0');
	return (const char *)last_headers.data;
}

TEST(letter_that_is_too_large_loses_its_parts_one_after_the_other)
{
	struct frame_record letter = a_letter("k");

	CHECK(dead_letter_mend(&sink, 0, &letter, too_large));
	CHECK(letter.value == NULL && letter.key != NULL);
	CHECK_TEXT(headers_of(&letter), "own=x bruco-error=x bruco-without=value ");
	CHECK(dead_letter_mend(&sink, 0, &letter, too_large));
	CHECK(letter.key != NULL);
	CHECK_TEXT(headers_of(&letter), "bruco-error=x bruco-without=value and headers ");
	CHECK(dead_letter_mend(&sink, 0, &letter, too_large));
	CHECK(letter.key == NULL);
	CHECK_TEXT(headers_of(&letter), "bruco-error=x bruco-without=value, headers and key ");
	CHECK(!dead_letter_mend(&sink, 0, &letter, too_large));
}

TEST(letter_of_a_wrong_time_gets_the_present_one_once)
{
	struct frame_record letter = a_letter("k");

	CHECK(dead_letter_mend(&sink, 0, &letter, bad_timestamp));
	CHECK_INT(letter.timestamp, -1);
	CHECK_TEXT(headers_of(&letter), "own=x bruco-error=x bruco-timestamp=123456 ");
	CHECK_INT(letter.value_length, 1);
	CHECK(!dead_letter_mend(&sink, 0, &letter, bad_timestamp));
	CHECK(!dead_letter_mend(&sink, 0, &letter, invalid_record)); /* it has a key */
	CHECK(!dead_letter_mend(&sink, 0, &letter, "another reason"));
}

TEST(letter_without_a_key_gets_one_of_its_own)
{
	struct frame_record letter = a_letter(NULL);

	add_frame(FRAME_TYPE_RECORD, 0, 1, "a", NULL);
	add_frame(FRAME_TYPE_RECORD, FRAME_LAST, 1, "b", NULL);
	run_lane(FAILURE_DEAD_LETTER);
	CHECK(dead_letter_mend(&sink, tickets[1], &letter, invalid_record));
	CHECK_BYTES(letter.key, letter.key_length, "t/0/7/1", 7);
	CHECK_TEXT(headers_of(&letter), "own=x bruco-error=x bruco-key=- ");
	CHECK(!dead_letter_mend(&sink, tickets[1], &letter, invalid_record));
}

TEST(late_refusal_skipped_or_stopped)
{
	add_frame(FRAME_TYPE_RECORD, FRAME_LAST, 1, "d", NULL);
	add_frame(FRAME_TYPE_RECORD, FRAME_LAST, 2, "e", NULL);
	run_lane(FAILURE_SKIP);
	refuse_late(tickets[0]);
	CHECK_INT(acked(), 1);
	CHECK_INT(sink.under_way, 1);
	config.processor.on_failure = FAILURE_STOP;
	refuse_late(tickets[1]);
	CHECK_INT(sink.status, 1);
	CHECK_INT(sink.under_way, 0);
	CHECK_INT(acked(), 1);
}

UNIT_MAIN
