/* What the source makes of a worker's page after its death, and of attempts from before. */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "bruco-source/lanes.h"
#include "config/config.h"
#include "unit.h"

static struct lanes lanes;
static struct partition partition;
static struct config config;
static enum on_failure on_failure = FAILURE_SKIP;
static int ends[2];

static void open_lanes(uint32_t attempts)
{
	signal(SIGPIPE, SIG_IGN);
	config_init(&config);
	config.processor.retry_attempts = attempts;
	config.processor.on_failure = on_failure;
	lanes_init(&lanes, 1, &config, page_map(-1));
	lanes.acknowledged = lanes.resumable = true;
	partition.topic = mem_text("t");
	tracker_begin(&partition.tracker);
	CHECK(pipe(ends) == 0);
	lanes_open(&lanes, 0, ends[1]);
}

static void queue(int64_t offset)
{
	struct frame_record record = {.offset = offset,
		.topic = "t",
		.topic_length = 1,
		.key_length = FRAME_NULL,
		.value_length = FRAME_NULL};

	struct passage passage = {.partition = &partition, .record = &record};

	CHECK_INT(lanes_dispatch(&lanes, &passage), DISPATCH_OK);
}

static void take(int64_t offset)
{
	queue(offset);
	CHECK(lanes_write(&lanes));
}

static void die(uint64_t resume_seq, uint32_t state, uint64_t seq, uint32_t attempt)
{
	struct message message = {.type = MESSAGE_RESUME,
		.seq = resume_seq,
		.page = {.state = state, .attempt = attempt, .seq = seq}};

	close(ends[0]);
	CHECK(pipe(ends) == 0);
	CHECK(lanes_resume(&lanes, &message, ends[1]));
	CHECK(lanes_write(&lanes));
}

static struct frame_head head_of(uint64_t seq)
{
	struct frame_head head = {0};
	struct window_tag tag;
	uint32_t length;
	const char *why;
	uint8_t *frame = window_frame(&lanes.items[0].window, seq, &length, &tag);

	CHECK(frame != NULL);
	CHECK_INT(frame_head_read(frame, length, length, &head, &why), FRAME_OK);
	return head;
}

static void expect(uint64_t seq, int type, int attempt)
{
	CHECK_INT(head_of(seq).type, type);
	CHECK_INT(head_of(seq).attempt, attempt);
}

TEST(only_what_ran_is_blamed)
{
	open_lanes(3);
	for (int64_t offset = 10; offset < 14; offset++)
		take(offset);
	die(1, RUN_RUNNING, 2, 0);
	expect(2, FRAME_TYPE_RECORD, 1);
	die(1, RUN_IDLE, 3, 0); /* nothing ran */
	die(1, RUN_WRITING, 3, 0);
	die(2, RUN_RUNNING, 2, 1); /* it was finished all the same */
	die(2, RUN_RUNNING, 9, 0); /* there is none */
	queue(14);
	die(2, RUN_RUNNING, 5, 0); /* it was never sent */
	for (uint64_t seq = 3; seq <= 5; seq++)
		expect(seq, FRAME_TYPE_RECORD, 0);
	expect(2, FRAME_TYPE_RECORD, 1);
	CHECK_INT(partition.attempts.count, 1);
	CHECK_INT(attempts_get(&partition.attempts, 11), 1);
	CHECK_INT(lanes.blame.count, 1);
}

/* A worker can make up an answer in the moment before its record is written. */
TEST(an_answer_ahead_of_its_record_counts_when_that_is_written)
{
	struct given *given = mem_array(1, sizeof *given);

	open_lanes(3);
	lanes.given = given;
	take(10);
	CHECK_INT(given_to(given, 0), 1);
	queue(11);
	CHECK_INT(given_to(given, 0), 1); /* not before it may be written */
	CHECK(lanes_acknowledge(&lanes, 0, 1));
	CHECK(!lanes.items[0].liar);
	CHECK(lanes_acknowledge(&lanes, 0, 2));
	CHECK(lanes.items[0].liar);
	CHECK_INT(tracker_frontier(&partition.tracker), 11);
	CHECK_INT(lanes.in_flight, 1);
	CHECK(lanes_write(&lanes));
	CHECK_INT(given_to(given, 0), 2);
	CHECK_INT(tracker_frontier(&partition.tracker), 12);
	CHECK_INT(lanes.in_flight, 0);
	CHECK(!lanes_acknowledge(&lanes, 0, 3)); /* that is the sink's own lie */
	free(given);
}

TEST(what_a_worker_made_up_before_it_died_is_left_out)
{
	open_lanes(3);
	take(10);
	queue(11);
	queue(12);
	CHECK(lanes_acknowledge(&lanes, 0, 2));
	die(2, RUN_RUNNING, 2, 0); /* and writes */
	CHECK(!lanes.items[0].liar);
	CHECK_INT(tracker_frontier(&partition.tracker), 12);
	CHECK_INT(lanes.in_flight, 1);
	expect(3, FRAME_TYPE_RECORD, 0);
	CHECK_INT(lanes.items[0].window.written_seq, 3);
	CHECK(lanes_acknowledge(&lanes, 0, 3));
	CHECK_INT(tracker_frontier(&partition.tracker), 13);
}

TEST(the_last_attempt_makes_it_failed)
{
	open_lanes(3);
	take(10);
	die(0, RUN_RUNNING, 1, 0);
	die(0, RUN_RUNNING, 1, 1);
	expect(1, FRAME_TYPE_RECORD, 2);
	die(0, RUN_RUNNING, 1, 2);
	expect(1, FRAME_TYPE_FAILED, 3);
	die(0, RUN_RUNNING, 1, 3); /* it can't have run */
	expect(1, FRAME_TYPE_FAILED, 3);
	CHECK_INT(attempts_get(&partition.attempts, 10), 3);
	CHECK(lanes_acknowledge(&lanes, 0, 1));
	CHECK_INT(partition.attempts.count, 0);
	CHECK_INT(tracker_frontier(&partition.tracker), 11);
}

static void die_together(uint64_t resume_seq, uint64_t first, uint64_t last)
{
	struct message message = {.type = MESSAGE_RESUME,
		.seq = resume_seq,
		.page = {.state = RUN_TOGETHER, .seq = first, .first = first, .last = last}};

	close(ends[0]);
	CHECK(pipe(ends) == 0);
	CHECK(lanes_resume(&lanes, &message, ends[1]));
	CHECK(lanes_write(&lanes));
}

static void expect_alone(uint64_t first, uint64_t last)
{
	for (uint64_t seq = 2; seq <= 8; seq++) {
		CHECK_INT(head_of(seq).flags,
			FRAME_LAST | (seq >= first && seq <= last ? FRAME_ALONE : 0));
		expect(seq, FRAME_TYPE_RECORD, 0);
	}
}

TEST(what_was_in_flight_together_runs_alone_and_is_not_blamed)
{
	open_lanes(1);
	for (int64_t offset = 1; offset <= 7; offset++)
		take(offset);
	queue(8);
	CHECK(lanes_acknowledge(&lanes, 0, 1));
	die_together(1, 7, 6);
	expect_alone(9, 9);
	die_together(4, 2, 6); /* 2 to 4 had left */
	expect_alone(5, 6);
	queue(9);
	die_together(4, 5, UINT64_MAX); /* a false claim: 9 was never sent */
	expect_alone(5, 8);
	CHECK_INT(head_of(9).flags, FRAME_LAST);
	CHECK_INT(lanes.blame.count, 0);
	die(4, RUN_RUNNING, 5, 0);
	expect(5, FRAME_TYPE_FAILED, 1);
	CHECK_INT(lanes.blame.count, 1);
}

TEST(one_that_waits_for_another_attempt_keeps_those_it_has_had)
{
	open_lanes(4);
	take(10);
	take(11);
	die(0, RUN_IDLE, 1, 2);
	expect(1, FRAME_TYPE_RECORD, 2);
	CHECK_INT(attempts_get(&partition.attempts, 10), 2);
	die(0, RUN_IDLE, 1, 1); /* less than what is known */
	expect(1, FRAME_TYPE_RECORD, 2);
	die(0, RUN_IDLE, 1, 4); /* a false claim */
	expect(1, FRAME_TYPE_RECORD, 2);
	die(1, RUN_IDLE, 1, 3); /* it was finished all the same */
	expect(1, FRAME_TYPE_RECORD, 2);
	expect(2, FRAME_TYPE_RECORD, 0);
}

TEST(one_attempt_is_no_retry)
{
	open_lanes(1);
	take(10);
	die(0, RUN_RUNNING, 1, 0);
	expect(1, FRAME_TYPE_FAILED, 1);
}

TEST(retries_in_place_count)
{
	open_lanes(5);
	take(10);
	die(0, RUN_RUNNING, 1, 2);
	expect(1, FRAME_TYPE_RECORD, 3);
	die(0, RUN_RUNNING, 1, 0); /* a claim that is less than what is known */
	expect(1, FRAME_TYPE_RECORD, 4);
}

TEST(a_page_that_lies_claims_no_more_than_all_attempts)
{
	open_lanes(5);
	take(10);
	die(0, RUN_RUNNING, 1, UINT32_MAX);
	expect(1, FRAME_TYPE_FAILED, 5);
}

TEST(attempts_from_before_count)
{
	open_lanes(3);
	attempts_set(&partition.attempts, 10, 1);
	attempts_set(&partition.attempts, 12, 3);
	for (int64_t offset = 10; offset < 13; offset++)
		take(offset);
	expect(1, FRAME_TYPE_RECORD, 1);
	expect(2, FRAME_TYPE_RECORD, 0);
	expect(3, FRAME_TYPE_FAILED, 3);
	CHECK(lanes_acknowledge(&lanes, 0, 1));
	CHECK_INT(partition.attempts.count, 1);
}

static void gone(uint64_t resume_seq, uint32_t seq, uint32_t attempt)
{
	struct message message = {.type = MESSAGE_RESUME,
		.seq = resume_seq,
		.page = {.state = RUN_IDLE, .attempt = attempt, .seq = seq}};

	CHECK(lanes_resume(&lanes, &message, -1));
}

TEST(attempts_in_place_are_known_while_the_worker_lives)
{
	open_lanes(3);
	take(10);
	take(11);
	queue(12);
	lanes_attempt(&lanes, 0, 2, 1);
	expect(2, FRAME_TYPE_RECORD, 1);
	CHECK_INT(attempts_get(&partition.attempts, 11), 1);
	lanes_attempt(&lanes, 0, 2, 2);
	lanes_attempt(&lanes, 0, 2, 1); /* late */
	CHECK_INT(attempts_get(&partition.attempts, 11), 2);
	lanes_attempt(&lanes, 0, 2, 3); /* lies: no claim uses up the last attempt, */
	lanes_attempt(&lanes, 0, 3, 1); /* what was not sent was not begun, */
	lanes_attempt(&lanes, 0, 9, 1); /* there is no such event */
	lanes_attempt(&lanes, 7, 1, 1); /* nor lane */
	expect(2, FRAME_TYPE_RECORD, 2);
	CHECK_INT(partition.attempts.count, 1);
	die(0, RUN_IDLE, 2, 2);
	expect(2, FRAME_TYPE_RECORD, 2);
	/* The partition is given up and comes back: the worker still tries the old frame. */
	tracker_end(&partition.tracker);
	tracker_begin(&partition.tracker);
	lanes_attempt(&lanes, 0, 1, 1);
	CHECK_INT(attempts_get(&partition.attempts, 10), 1);
	take(10);
	expect(4, FRAME_TYPE_RECORD, 1);
	CHECK(lanes_acknowledge(&lanes, 0, 4));
	CHECK_INT(attempts_get(&partition.attempts, 10), 0);
	CHECK_INT(attempts_get(&partition.attempts, 11), 2);
}

TEST(attempts_used_up_in_place_under_stop_begin_anew)
{
	on_failure = FAILURE_STOP;
	open_lanes(3);
	take(10);
	lanes_attempt(&lanes, 0, 1, 2);
	gone(0, 1, 3);
	CHECK_INT(attempts_get(&partition.attempts, 10), 3);
	tracker_begin(&partition.tracker);
	open_lanes(3);
	attempts_set(&partition.attempts, 10, 3);
	take(10);
	expect(1, FRAME_TYPE_RECORD, 0);
	on_failure = FAILURE_SKIP;
	open_lanes(3);
	partition.attempts.count = 0;
	take(11);
	gone(0, 1, 3); /* a lie, where the last attempt does not end the worker */
	CHECK_INT(partition.attempts.count, 0);
}

TEST(what_stopped_an_earlier_run_is_tried_anew)
{
	on_failure = FAILURE_STOP;
	open_lanes(3);
	attempts_set(&partition.attempts, 10, 3);
	attempts_set(&partition.attempts, 11, 2);
	take(10);
	take(11);
	expect(1, FRAME_TYPE_RECORD, 0);
	expect(2, FRAME_TYPE_RECORD, 2);
	die(0, RUN_RUNNING, 1, 0);
	expect(1, FRAME_TYPE_RECORD, 1);
	CHECK_INT(attempts_get(&partition.attempts, 10), 1);
}

TEST(an_earlier_assignment_changes_nothing)
{
	open_lanes(3);
	take(10);
	take(11);
	tracker_begin(&partition.tracker);
	take(10);
	die(0, RUN_RUNNING, 1, 0); /* of before */
	CHECK_INT(partition.attempts.count, 0);
	attempts_set(&partition.attempts, 10, 1);
	CHECK(lanes_acknowledge(&lanes, 0, 2)); /* both of before */
	CHECK_INT(attempts_get(&partition.attempts, 10), 1);
	CHECK_INT(tracker_frontier(&partition.tracker), -1);
}

/* Two lanes with room for little, the second with a living worker from the start. */
static void open_two(enum ordering ordering)
{
	int more[2];

	signal(SIGPIPE, SIG_IGN);
	config_init(&config);
	config.source.window = 4096;
	config.processor.ordering = ordering;
	lanes_init(&lanes, 2, &config, page_map(-1));
	lanes.acknowledged = lanes.resumable = true;
	partition.topic = mem_text("t");
	tracker_begin(&partition.tracker);
	CHECK(pipe(ends) == 0 && pipe(more) == 0);
	lanes_open(&lanes, 1, more[1]);
}

static enum dispatch_result put(unsigned lane, int64_t offset, int32_t size)
{
	static uint8_t value[8192];
	struct frame_record record = {.offset = offset,
		.topic = "t",
		.topic_length = 1,
		.key_length = FRAME_NULL,
		.value = value,
		.value_length = size};
	struct passage passage = {.partition = &partition, .lane = lane, .record = &record};

	return lanes_dispatch(&lanes, &passage);
}

static uint64_t queued(unsigned lane)
{
	return lanes.items[lane].window.queued_seq;
}

TEST(a_lane_gets_what_its_worker_did_in_a_second)
{
	open_two(ORDERING_PARTITION);
	lanes_set_depth(&lanes, 1);
	CHECK_INT(put(1, 0, 10), DISPATCH_OK);
	CHECK_INT(put(1, 1, 10), DISPATCH_OK);
	CHECK_INT(put(1, 2, 10), DISPATCH_FULL); /* two are the least */
	CHECK(lanes_write(&lanes));
	lanes_note_read(&lanes, 1, 3); /* was not sent: ignored */
	CHECK_INT(put(1, 2, 10), DISPATCH_FULL);
	lanes_note_read(&lanes, 1, 2);
	CHECK(lanes_relaxed(&lanes, 1));
	for (int64_t offset = 2; offset < 4; offset++)
		CHECK_INT(put(1, offset, 10), DISPATCH_OK);
	CHECK_INT(put(1, 4, 10), DISPATCH_FULL); /* read, not acknowledged: it does not count */
	CHECK(lanes_write(&lanes));
	CHECK(lanes_acknowledge(&lanes, 1, 4)); /* says that they were read, too */
	for (int64_t offset = 4; offset < 8; offset++)
		CHECK_INT(put(1, offset, 10), DISPATCH_OK); /* four in the last second */
	CHECK_INT(put(1, 8, 10), DISPATCH_FULL);
	CHECK(!lanes_relaxed(&lanes, 1));
}

TEST(only_bytes_limit_a_lane_without_time)
{
	open_two(ORDERING_PARTITION);
	lanes_set_depth(&lanes, 1);
	lanes_forget_time(&lanes);
	for (int64_t offset = 0; offset < 30; offset++)
		CHECK_INT(put(1, offset, 10), DISPATCH_OK);
}

TEST(with_ordering_none_any_lane_with_room_will_do)
{
	open_two(ORDERING_NONE);
	CHECK_INT(lanes_choose(&lanes, 1, &(struct frame_record){0}), LANE_ANY);
	CHECK_INT(put(LANE_ANY, 0, 1000), DISPATCH_OK); /* the other one's worker is not there yet */
	CHECK_INT(queued(1), 1);
	lanes_open(&lanes, 0, ends[1]);
	CHECK_INT(put(LANE_ANY, 1, 100), DISPATCH_OK);
	CHECK_INT(queued(0), 1);
	CHECK_INT(put(LANE_ANY, 2, 3000), DISPATCH_OK);
	CHECK_INT(queued(0), 2);
	CHECK_INT(put(LANE_ANY, 3, 2500), DISPATCH_OK);
	CHECK_INT(queued(1), 2);
	CHECK_INT(put(LANE_ANY, 4, 1500), DISPATCH_FULL); /* both are full */
	CHECK(!lanes_relaxed(&lanes, LANE_ANY));
	CHECK(lanes_write(&lanes));
	CHECK(lanes_acknowledge(&lanes, 0, 2)); /* that of the first stands still */
	CHECK(lanes_relaxed(&lanes, LANE_ANY) && !lanes_relaxed(&lanes, 1));
	CHECK_INT(put(LANE_ANY, 4, 1500), DISPATCH_OK);
	CHECK_INT(queued(0), 3);
	CHECK_INT(queued(1), 2);
}

TEST(what_waits_has_its_place_in_the_frontier)
{
	struct frame_record record = {.offset = 10,
		.topic = "t",
		.topic_length = 1,
		.key_length = FRAME_NULL,
		.value_length = FRAME_NULL};
	struct passage passage = {.partition = &partition, .record = &record, .waited = true};

	open_two(ORDERING_KEY);
	lanes_open(&lanes, 0, ends[1]);
	passage.index = tracker_dispatch(&partition.tracker, 10);
	lanes.aside = 1;
	CHECK_INT(put(1, 11, 10), DISPATCH_OK);
	CHECK(lanes_write(&lanes));
	CHECK(lanes_acknowledge(&lanes, 1, 1));
	CHECK_INT(tracker_frontier(&partition.tracker), -1);
	CHECK(!lanes_drained(&lanes)); /* it waits still */
	CHECK_INT(lanes_dispatch(&lanes, &passage), DISPATCH_OK);
	lanes.aside = 0;
	CHECK(lanes_write(&lanes));
	CHECK(lanes_acknowledge(&lanes, 0, 1));
	CHECK_INT(tracker_frontier(&partition.tracker), 12);
	CHECK(lanes_drained(&lanes));
}

UNIT_MAIN
