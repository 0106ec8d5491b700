/* What the sink makes of failed frames and refused outputs, with the real lane and a kind that
 * notes what it is given. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "bruco-sink/failure_policy.h"
#include "bruco-sink/lane.h"
#include "unit.h"

static struct config config;
static struct stage stage;
static struct buf frames, notes; /* notes: "out:VALUE " or "letter:VALUE(ERROR) " in order */
static struct buf last_headers;  /* "NAME=VALUE " in order, of the last letter */
static bool out_full, letters_full;
static uint64_t tickets[16];
static size_t ticket_count;

void stage_fail(struct stage *failed, int status)
{
	failed->status = status;
}

static const char *refuse(void *state, const struct frame_record *record)
{
	(void)state;
	return record->value_length > 0 && record->value[0] == '!' ? "it is no good" : NULL;
}

static enum put_result put_out(void *state, const struct frame_record *record, uint64_t ticket)
{
	(void)state;
	if (out_full)
		return PUT_FULL;
	if (record->value[0] == '>') {
		stage.out.why = too_large;
		return PUT_REFUSED;
	}
	buf_printf(&notes, "out:%.*s ", record->value_length, record->value);
	tickets[ticket_count++] = ticket;
	return PUT_UNDER_WAY;
}

static enum put_result put_letter(void *state, const struct frame_record *record, uint64_t ticket)
{
	const uint8_t *at = record->headers;
	struct frame_header header, error = {0};

	(void)state;
	if (letters_full)
		return PUT_FULL;
	buf_reset(&last_headers);
	for (uint32_t i = 0; i < record->header_count; i++) {
		frame_header_next(&at, &header);
		buf_printf(&last_headers, "%.*s=%.*s ", (int)header.name_length, header.name,
			header.value_length, header.value);
		if (strncmp(header.name, "bruco-error", header.name_length) == 0)
			error = header;
	}
	buf_printf(&notes, "letter:%.*s(%.*s) ", record->value_length, record->value,
		error.value_length, error.value);
	tickets[ticket_count++] = ticket;
	return PUT_UNDER_WAY;
}

static const struct sink_kind out = {.name = "out", .refuse = refuse, .put = put_out};
static const struct sink_kind letters = {.name = "letters", .put = put_letter};
static const struct sink_kind passing = {.name = "frames", .put = put_out, .passes_failed = true};

static void add(uint8_t type, uint16_t flags, uint64_t seq, const char *value, const char *error)
{
	uint8_t headers[256];
	struct frame_header header = {.name = "bruco-error", .name_length = 11};
	struct frame_record record = {
		.head = {.type = type, .flags = flags, .attempt = 3, .seq = seq},
		.offset = 7,
		.timestamp = -1,
		.topic = "t",
		.topic_length = 1,
		.key_length = FRAME_NULL,
		.value = (const uint8_t *)value,
		.value_length = (int32_t)strlen(value)};

	if (error != NULL) {
		header.value = (const uint8_t *)error;
		header.value_length = (int32_t)strlen(error);
		record.headers = headers;
		record.headers_length = (uint32_t)frame_header_write(headers, &header);
		record.header_count = 1;
	}
	buf_reserve(&frames, 512);
	frames.length += frame_record_write(frames.data + frames.length, &record);
}

/* Gives the lane what was added; what the kinds were given. */
static const char *go(enum on_failure choice)
{
	int ends[2];

	if (config.name == NULL)
		config_init(&config);
	config.processor.on_failure = choice;
	log_set_level(LEVEL_ERROR);
	CHECK(pipe(ends) == 0);
	stage.config = &config;
	stage.link = -1;
	stage.cap = 1 << 20;
	stage.page = page_map(-1);
	stage.lane_count = 1;
	if (stage.out.kind == NULL)
		stage.out.kind = &out;
	stage.dead_letter.kind = choice == FAILURE_DEAD_LETTER ? &letters : NULL;
	if (stage.lanes == NULL) {
		stage.lanes = mem_array(1, sizeof *stage.lanes);
		lane_init(stage.lanes, stage.cap, true);
	}
	lane_open(stage.lanes, ends[0]);
	fd_write_all(ends[1], frames.data, frames.length);
	lane_work(&stage, 0);
	buf_byte(&notes, '\0');
	return (const char *)notes.data;
}

static uint64_t acked(void)
{
	return deliveries_acked(&stage.lanes->deliveries);
}

static void add_three(const char *second)
{
	add(FRAME_TYPE_RECORD, 0, 1, "a", NULL);
	add(FRAME_TYPE_RECORD, 0, 1, second, NULL);
	add(FRAME_TYPE_RECORD, FRAME_LAST, 1, "c", NULL);
	add(FRAME_TYPE_RECORD, FRAME_LAST, 2, "d", NULL);
}

TEST(refused_output_stops_before_any_of_its_input_is_put)
{
	add_three("!");
	CHECK_TEXT(go(FAILURE_STOP), "");
	CHECK_INT(stage.status, 1);
	CHECK_INT(acked(), 0);
}

TEST(refused_output_skips_its_whole_input)
{
	add_three("!");
	CHECK_TEXT(go(FAILURE_SKIP), "out:d ");
	CHECK_INT(stage.status, 0);
	CHECK_INT(acked(), 1);
	stage_delivered(&stage, tickets[0]);
	CHECK_INT(acked(), 2);
	CHECK_INT(stage.under_way, 0);
	CHECK_INT(page_get(stage.page, COUNT_FAILED), 3);
}

TEST(refused_output_takes_its_siblings_to_the_dead_letter)
{
	add_three("!");
	CHECK_TEXT(go(FAILURE_DEAD_LETTER),
		"letter:a(another output of its event was refused) letter:!(it is no good) "
		"letter:c(another output of its event was refused) out:d ");
	CHECK_INT(acked(), 0);
	for (size_t i = 0; i < 3; i++) {
		CHECK_INT(acked(), 0);
		stage_delivered(&stage, tickets[i]);
	}
	CHECK_INT(acked(), 1);
}

TEST(refused_output_in_a_batch_concerns_its_event_alone)
{
	add(FRAME_TYPE_RECORD, 0, 1, "a", NULL);
	add(FRAME_TYPE_RECORD, 0, 2, "b", NULL);
	add(FRAME_TYPE_RECORD, 0, 2, "!", NULL);
	add(FRAME_TYPE_FAILED, 0, 4, "x", "ValueError: bad");
	add(FRAME_TYPE_RECORD, 0, 5, "e", NULL);
	frames.length += frame_empty_write(frames.data + frames.length, 5, 1);
	CHECK_TEXT(go(FAILURE_DEAD_LETTER),
		"out:a letter:b(another output of its event was refused) letter:!(it is no good) "
		"letter:x(ValueError: bad) out:e ");
	for (size_t i = 5; i-- > 1;)
		stage_delivered(&stage, tickets[i]);
	CHECK_INT(acked(), 0);
	stage_delivered(&stage, tickets[0]);
	CHECK_INT(acked(), 5);
	CHECK_INT(page_get(stage.page, COUNT_RECORDS_IN), 5);
}

TEST(found_too_large_by_the_client_concerns_one_output)
{
	add_three(">");
	CHECK_TEXT(go(FAILURE_DEAD_LETTER), "out:a letter:>(message size too large) out:c out:d ");
}

TEST(failed_frame_by_its_own_error)
{
	add(FRAME_TYPE_FAILED, FRAME_LAST, 1, "x", "ValueError: bad");
	CHECK_TEXT(go(FAILURE_DEAD_LETTER), "letter:x(ValueError: bad) ");
	CHECK_INT(acked(), 0);
	stage_delivered(&stage, tickets[0]);
	CHECK_INT(acked(), 1);
}

TEST(failed_frame_is_skipped)
{
	add(FRAME_TYPE_FAILED, FRAME_LAST, 1, "x", NULL);
	CHECK_TEXT(go(FAILURE_SKIP), "");
	CHECK_INT(acked(), 1);
	CHECK_INT(page_get(stage.page, COUNT_FAILED), 1);
}

TEST(failed_frame_stops)
{
	add(FRAME_TYPE_RECORD, FRAME_LAST, 1, "a", NULL);
	add(FRAME_TYPE_FAILED, FRAME_LAST, 2, "x", NULL);
	CHECK_TEXT(go(FAILURE_STOP), "out:a ");
	CHECK_INT(stage.status, 1);
	stage_delivered(&stage, tickets[0]);
	CHECK_INT(acked(), 1);
}

TEST(failed_frame_passes_a_kind_of_frames_by_hand_only)
{
	stage.out.kind = &passing;
	stage.control = -1;
	add(FRAME_TYPE_FAILED, FRAME_LAST, 1, "x", NULL);
	CHECK_TEXT(go(FAILURE_STOP), "out:x ");
	stage.control = 0;
	buf_reset(&frames);
	add(FRAME_TYPE_FAILED, FRAME_LAST, 2, "y", NULL);
	go(FAILURE_STOP);
	CHECK_INT(stage.status, 1);
}

static const char *error_after(int status, uint32_t flags)
{
	struct message death = {.type = MESSAGE_LANE,
		.life = 1,
		.status = status,
		.flags = flags,
		.page = {.state = RUN_RUNNING, .attempt = 2, .seq = 5}};
	struct message other = {.type = MESSAGE_LANE,
		.life = 2,
		.status = 6,
		.page = {.state = RUN_RUNNING, .attempt = 2, .seq = 4}};

	if (stage.lanes != NULL) {
		intake_release(&stage.lanes->intake);
		deliveries_release(&stage.lanes->deliveries);
		free(stage.lanes);
	}
	stage.lanes = mem_array(1, sizeof *stage.lanes);
	lane_init(stage.lanes, 1 << 20, false);
	failure_death(stage.lanes, &death);
	failure_death(stage.lanes, &other);
	buf_reset(&frames);
	buf_reset(&notes);
	add(FRAME_TYPE_FAILED, FRAME_LAST, 5, "x", NULL);
	return go(FAILURE_DEAD_LETTER);
}

TEST(cause_of_a_workers_death)
{
	CHECK_TEXT(error_after(SIGSEGV, 0), "letter:x(worker killed by signal 11 (SIGSEGV)) ");
	CHECK_TEXT(error_after(0, 0), "letter:x(worker exited with status 0 while the event ran) ");
	CHECK_TEXT(error_after(3 << 8, 0),
		"letter:x(worker exited with status 3 while the event ran) ");
	CHECK_TEXT(error_after(SIGKILL, LANE_TIMED_OUT),
		"letter:x(worker killed: the event ran longer than processor.timeout) ");
}

TEST(death_that_nobody_saw)
{
	add(FRAME_TYPE_FAILED, FRAME_LAST, 1, "x", NULL);
	CHECK_TEXT(go(FAILURE_DEAD_LETTER), "letter:x(worker died while the event ran) ");
}

TEST(full_dead_letter_holds_the_lane_back)
{
	letters_full = true;
	add(FRAME_TYPE_FAILED, FRAME_LAST, 1, "x", NULL);
	add(FRAME_TYPE_RECORD, FRAME_LAST, 2, "d", NULL);
	CHECK_TEXT(go(FAILURE_DEAD_LETTER), "");
	CHECK_INT(acked(), 0);
	letters_full = false;
	buf_reset(&notes);
	CHECK(lane_work(&stage, 0));
	buf_byte(&notes, '\0');
	CHECK_TEXT((const char *)notes.data, "letter:x(worker died while the event ran) out:d ");
}

static const char *headers_of_letter(void)
{
	buf_byte(&last_headers, '\0');
	return (const char *)last_headers.data;
}

/* "NAME=VALUE" each, as headers of a failed frame that was a dead letter before. */
static void add_replayed(const char *const *texts, size_t count)
{
	struct buf headers = {0};
	struct frame_record record = {
		.head = {.type = FRAME_TYPE_FAILED, .flags = FRAME_LAST, .attempt = 2, .seq = 1},
		.offset = 9,
		.partition = 1,
		.timestamp = -1,
		.topic = "dead",
		.topic_length = 4,
		.key_length = FRAME_NULL,
		.value = (const uint8_t *)"x",
		.value_length = 1,
		.header_count = (uint32_t)count};

	buf_reserve(&headers, 1024);
	for (size_t i = 0; i < count; i++) {
		const char *equals = strchr(texts[i], '=');
		struct frame_header header = {.name = texts[i],
			.name_length = (uint32_t)(equals - texts[i]),
			.value = (const uint8_t *)equals + 1,
			.value_length = (int32_t)strlen(equals + 1)};

		headers.length += frame_header_write(headers.data + headers.length, &header);
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
		(const char *const[]){EARLIER, "bruco-error=new", "bruco-traceback=newest"}, 11);
	CHECK_TEXT(go(FAILURE_DEAD_LETTER), "letter:x(new) ");
	CHECK_TEXT(headers_of_letter(),
		"own=1 bruco-x=2 bruco-error=new bruco-traceback=newest bruco-attempts=2 "
		"bruco-topic=dead bruco-partition=1 bruco-offset=9 bruco-worker=bruco-worker-0 ");
}

TEST(replayed_letter_whose_worker_dies_has_nothing_of_the_earlier_failure)
{
	add_replayed((const char *const[]){EARLIER}, 8);
	CHECK_TEXT(go(FAILURE_DEAD_LETTER), "letter:x(worker died while the event ran) ");
	CHECK_TEXT(headers_of_letter(),
		"own=1 bruco-error=worker died while the event ran bruco-attempts=2 "
		"bruco-topic=dead bruco-partition=1 bruco-offset=9 bruco-worker=bruco-worker-0 ");
}

/* The record "d" comes back from its delivery report. */
static void refuse_late(uint64_t ticket)
{
	struct frame_record record = {
		.head = {.type = FRAME_TYPE_RECORD, .flags = FRAME_LAST},
		.offset = -1,
		.timestamp = -1,
		.topic = "o",
		.topic_length = 1,
		.key_length = FRAME_NULL,
		.value = (const uint8_t *)"d",
		.value_length = 1};

	stage_refused(&stage, ticket, &record, "too much");
}

TEST(late_refusal_is_acknowledged_when_its_dead_letter_is)
{
	add(FRAME_TYPE_RECORD, FRAME_LAST, 1, "d", NULL);
	go(FAILURE_DEAD_LETTER);
	letters_full = true;
	refuse_late(tickets[0]);
	failure_work(&stage);
	CHECK_INT(stage.under_way, 1);
	CHECK_INT(acked(), 0);
	letters_full = false;
	buf_reset(&notes);
	failure_work(&stage);
	failure_work(&stage);
	buf_byte(&notes, '\0');
	CHECK_TEXT((const char *)notes.data, "letter:d(too much) ");
	CHECK_INT(stage.under_way, 1);
	CHECK_INT(acked(), 0);
	stage_delivered(&stage, tickets[1]);
	CHECK_INT(stage.under_way, 0);
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
	add(FRAME_TYPE_RECORD, FRAME_LAST, 1, "d", NULL);
	add_routed(2, "d");
	add(FRAME_TYPE_RECORD, FRAME_LAST | FRAME_ROUTED, 3, "d", NULL);
	go(FAILURE_DEAD_LETTER);
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
	go(FAILURE_DEAD_LETTER);
	CHECK_TEXT(headers_of_letter(), "bruco-error=it is no good bruco-topic=in bruco-partition=4 "
					"bruco-offset=44 bruco-worker=bruco-worker-0 ");
}

TEST(tickets_of_a_lane_are_in_the_order_of_its_outputs)
{
	add(FRAME_TYPE_RECORD, 0, 1, "a", NULL);
	add(FRAME_TYPE_RECORD, FRAME_LAST, 1, "b", NULL);
	add(FRAME_TYPE_RECORD, FRAME_LAST, 2, "c", NULL);
	go(FAILURE_STOP);
	CHECK(tickets[0] < tickets[1] && tickets[1] < tickets[2]);
	CHECK_INT(stage_ticket_number(&stage, tickets[1]), 1);
	CHECK_INT(stage_ticket_output(tickets[1]), 1);
	CHECK_INT(stage_ticket_output(tickets[2]), 0);
	/* Of a number the lower half is in the ticket. */
	stage.lanes->deliveries.acked = 0x7fffffff0;
	CHECK_INT(stage_ticket_number(&stage, stage_ticket(0, 0x800000003, 5)), 0x800000003);
	stage.lanes->deliveries.acked = 0;
}

/* ---- dead letters that are refused */

static struct buf letter_headers;

static struct frame_record a_letter(const char *key)
{
	static const char *const names[] = {"own", "bruco-error"};
	struct frame_record letter = {
		.head = {.type = FRAME_TYPE_RECORD, .flags = FRAME_LAST},
		.timestamp = 123456,
		.key = (const uint8_t *)key,
		.key_length = key == NULL ? FRAME_NULL : (int32_t)strlen(key),
		.value = (const uint8_t *)"d",
		.value_length = 1,
		.header_count = 2};

	buf_reset(&letter_headers);
	for (size_t i = 0; i < 2; i++) {
		struct frame_header header = {.name = names[i],
			.name_length = (uint32_t)strlen(names[i]),
			.value = (const uint8_t *)"x",
			.value_length = 1};

		buf_reserve(&letter_headers, 64);
		letter_headers.length += frame_header_write(
			letter_headers.data + letter_headers.length, &header);
	}
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

	CHECK(failure_mend(&stage, 0, &letter, too_large));
	CHECK(letter.value == NULL && letter.key != NULL);
	CHECK_TEXT(headers_of(&letter), "own=x bruco-error=x bruco-without=value ");
	CHECK(failure_mend(&stage, 0, &letter, too_large));
	CHECK(letter.key != NULL);
	CHECK_TEXT(headers_of(&letter), "bruco-error=x bruco-without=value and headers ");
	CHECK(failure_mend(&stage, 0, &letter, too_large));
	CHECK(letter.key == NULL);
	CHECK_TEXT(headers_of(&letter), "bruco-error=x bruco-without=value, headers and key ");
	CHECK(!failure_mend(&stage, 0, &letter, too_large));
}

TEST(letter_of_a_wrong_time_gets_the_present_one_once)
{
	struct frame_record letter = a_letter("k");

	CHECK(failure_mend(&stage, 0, &letter, bad_timestamp));
	CHECK_INT(letter.timestamp, -1);
	CHECK_TEXT(headers_of(&letter), "own=x bruco-error=x bruco-timestamp=123456 ");
	CHECK_INT(letter.value_length, 1);
	CHECK(!failure_mend(&stage, 0, &letter, bad_timestamp));
	CHECK(!failure_mend(&stage, 0, &letter, invalid_record)); /* it has a key */
	CHECK(!failure_mend(&stage, 0, &letter, "another reason"));
}

TEST(letter_without_a_key_gets_one_of_its_own)
{
	struct frame_record letter = a_letter(NULL);

	add(FRAME_TYPE_RECORD, 0, 1, "a", NULL);
	add(FRAME_TYPE_RECORD, FRAME_LAST, 1, "b", NULL);
	go(FAILURE_DEAD_LETTER);
	CHECK(failure_mend(&stage, tickets[1], &letter, invalid_record));
	CHECK_BYTES(letter.key, letter.key_length, "t/0/7/1", 7);
	CHECK_TEXT(headers_of(&letter), "own=x bruco-error=x bruco-key=- ");
	CHECK(!failure_mend(&stage, tickets[1], &letter, invalid_record));
}

TEST(late_refusal_skipped_or_stopped)
{
	add(FRAME_TYPE_RECORD, FRAME_LAST, 1, "d", NULL);
	add(FRAME_TYPE_RECORD, FRAME_LAST, 2, "e", NULL);
	go(FAILURE_SKIP);
	refuse_late(tickets[0]);
	CHECK_INT(acked(), 1);
	CHECK_INT(stage.under_way, 1);
	config.processor.on_failure = FAILURE_STOP;
	refuse_late(tickets[1]);
	CHECK_INT(stage.status, 1);
	CHECK_INT(stage.under_way, 0);
	CHECK_INT(acked(), 1);
}

UNIT_MAIN
