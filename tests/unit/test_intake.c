#include "lane/intake.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "lane/deliveries.h"
#include "unit.h"

static struct intake intake;
static int ends[2];
static struct buf stream;

static void begin(bool strict)
{
	CHECK(pipe(ends) == 0);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	intake_init(&intake, 1 << 20, strict);
}

static void add_output(uint64_t seq, uint16_t flags, size_t size)
{
	static uint8_t value[100000];
	struct frame_record record = {
		.head = {.type = FRAME_TYPE_RECORD, .flags = flags, .seq = seq},
		.key_length = FRAME_NULL,
		.value = value,
		.value_length = (int32_t)size};

	buf_reserve(&stream, frame_record_size(&record, 1 << 20));
	stream.length += frame_record_write(stream.data + stream.length, &record);
}

static void add_empty(uint64_t seq, uint64_t first)
{
	buf_reserve(&stream, 32);
	stream.length += frame_empty_write(stream.data + stream.length, seq, first);
}

static void feed(size_t from, size_t length)
{
	CHECK(fd_write_all(ends[1], stream.data + from, length) == 0);
	CHECK_INT(intake_read(&intake, ends[0]), length);
}

static void expect_input(uint64_t first, uint64_t last, uint32_t outputs)
{
	struct input input;

	CHECK_INT(intake_next(&intake, &input), INTAKE_INPUT);
	CHECK_INT(input.first, first);
	CHECK_INT(input.last, last);
	CHECK_INT(input.outputs, outputs);
}

static enum intake_result next(void)
{
	struct input input;

	return intake_next(&intake, &input);
}

TEST(byte_by_byte_gives_whole_inputs_only)
{
	size_t ready[3];

	begin(true);
	add_output(1, 0, 10);
	add_output(1, 0, 20);
	add_output(1, FRAME_LAST, 30);
	ready[0] = stream.length;
	add_empty(2, 2);
	ready[1] = stream.length;
	add_output(3, FRAME_LAST, 0);
	ready[2] = stream.length;
	for (size_t i = 0, inputs = 0; i < stream.length; i++) {
		feed(i, 1);
		if (i + 1 == ready[inputs]) {
			expect_input(inputs + 1, inputs + 1, inputs == 0 ? 3 : inputs == 1 ? 0 : 1);
			inputs++;
			CHECK(!intake_torn(&intake));
		} else {
			CHECK(intake_torn(&intake));
		}
		CHECK_INT(next(), INTAKE_MORE);
		CHECK_INT(intake.last, inputs);
	}
}

TEST(what_a_dead_worker_left_incomplete_is_dropped_whole)
{
	begin(true);
	add_output(1, FRAME_LAST, 10);
	add_output(2, 0, 10);
	add_output(2, 0, 10);
	feed(0, stream.length);
	expect_input(1, 1, 1);
	CHECK_INT(next(), INTAKE_MORE);
	CHECK(intake_torn(&intake));
	intake_cut(&intake);
	CHECK_INT(intake.last, 1);
	stream.length = 0;
	add_output(2, FRAME_LAST, 10);
	feed(0, stream.length);
	expect_input(2, 2, 1);
}

TEST(a_batch_is_one_input_that_covers_its_range)
{
	begin(true);
	add_output(1, 0, 10);
	add_output(2, 0, 10);
	add_output(2, 0, 10);
	add_empty(3, 1);
	feed(0, stream.length);
	expect_input(1, 3, 3);
	CHECK_INT(intake.last, 3);
}

TEST(in_a_batch_inputs_without_output_are_left_out)
{
	begin(true);
	add_output(3, 0, 10);
	add_output(6, 0, 10);
	add_empty(8, 1);
	add_empty(20, 9);
	add_output(21, FRAME_LAST, 10);
	feed(0, stream.length);
	expect_input(1, 8, 2);
	expect_input(9, 20, 0);
	expect_input(21, 21, 1);
}

static void expect_bad(const char *why)
{
	feed(0, stream.length);
	CHECK_INT(next(), INTAKE_BAD);
	CHECK_TEXT(intake.why, why);
}

TEST(a_gap_is_a_broken_lane)
{
	begin(true);
	add_output(2, FRAME_LAST, 10);
	expect_bad("sequence number is not the next one");
}

TEST(a_repetition_is_a_broken_lane)
{
	begin(true);
	add_output(1, FRAME_LAST, 10);
	feed(0, stream.length);
	expect_input(1, 1, 1);
	expect_bad("sequence number is not the next one");
}

TEST(an_input_without_its_end_is_a_broken_lane)
{
	begin(true);
	add_output(1, 0, 10);
	add_output(2, FRAME_LAST, 10);
	expect_bad("input's outputs begin in the middle");
}

TEST(an_end_mark_must_begin_where_the_batch_does)
{
	begin(true);
	add_output(1, 0, 10);
	add_empty(2, 2);
	expect_bad("end mark does not begin with the next input");
}

TEST(a_batch_never_goes_back)
{
	begin(true);
	add_output(2, 0, 10);
	add_output(1, 0, 10);
	add_empty(2, 1);
	expect_bad("sequence number is not the next one");
}

TEST(an_end_mark_has_a_limit)
{
	begin(true);
	add_empty(LIMIT_BATCH_EVENTS, 1);
	add_empty(2 * LIMIT_BATCH_EVENTS + 1, LIMIT_BATCH_EVENTS + 1);
	feed(0, stream.length);
	expect_input(1, LIMIT_BATCH_EVENTS, 0);
	CHECK_INT(next(), INTAKE_BAD);
	CHECK_TEXT(intake.why, "end mark covers too many inputs");
}

TEST(an_end_mark_has_a_limit_in_a_capture_too)
{
	begin(false);
	add_empty(UINT64_MAX, 1);
	expect_bad("end mark covers too many inputs");
}

TEST(what_was_not_given_is_not_answered)
{
	begin(true);
	intake.given = 2;
	add_output(1, FRAME_LAST, 10);
	add_empty(2, 2);
	add_empty(4, 3);
	feed(0, stream.length);
	expect_input(1, 1, 1);
	expect_input(2, 2, 0);
	CHECK_INT(next(), INTAKE_BAD);
	CHECK_TEXT(intake.why, "answer to an input that was not given");
	CHECK_INT(intake.last, 2);

	begin(true);
	intake.given = 0;
	add_output(1, FRAME_LAST, 10);
	expect_bad("answer to an input that was not given");
}

TEST(an_output_is_not_to_run_alone)
{
	begin(true);
	add_output(1, FRAME_LAST | FRAME_ALONE, 10);
	expect_bad("flag that only the source may set");
}

/* Outputs of one input, together so many bytes. */
static enum intake_result with_outputs(size_t total)
{
	begin(true);
	for (size_t left = total; left > 0;) {
		size_t size = left >= 2 * 65536 ? 65536 : left > 65536 ? left / 2 : left;

		add_output(1, left == size ? FRAME_LAST : 0, size - FRAME_RECORD);
		left -= size;
	}
	CHECK_INT(stream.length, total);
	buf_append(&intake.buf, stream.data, stream.length);
	return next();
}

TEST(an_input_is_as_large_as_it_may_be)
{
	CHECK_INT(with_outputs(limits_input(1 << 20)), INTAKE_INPUT);
}

TEST(an_input_has_a_limit)
{
	CHECK_INT(with_outputs(limits_input(1 << 20) + 1), INTAKE_BAD);
	CHECK_TEXT(intake.why, "too many outputs of one input");
}

TEST(a_larger_record_has_more)
{
	intake_init(&intake, LIMIT_SIZE_MOST, true);
	CHECK_INT(intake.most, LIMIT_SIZE_MOST + (16 << 20) + (64 << 10) + 32);
	CHECK_INT(intake.cap, LIMIT_SIZE_MOST + (64 << 10));
}

TEST(captures_may_be_cut_and_put_together)
{
	struct input input;

	begin(false);
	add_output(7, FRAME_LAST, 10);
	add_output(3, FRAME_LAST, 10);
	buf_reserve(&stream, FRAME_HEADER);
	stream.length += frame_end_write(stream.data + stream.length, 3);
	add_output(1, FRAME_LAST, 10);
	feed(0, stream.length);
	expect_input(7, 7, 1);
	expect_input(3, 3, 1);
	CHECK_INT(intake_next(&intake, &input), INTAKE_INPUT);
	CHECK(input.end);
	expect_input(1, 1, 1);
}

TEST(frames_larger_than_a_chunk)
{
	begin(true);
	add_output(1, FRAME_LAST, 100000);
	fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
	for (size_t at = 0; at < stream.length; at += 30000)
		feed(at, stream.length - at < 30000 ? stream.length - at : 30000);
	expect_input(1, 1, 1);
}

TEST(deliveries_hold_the_frontier_back)
{
	struct deliveries deliveries = {0};

	deliveries_add(&deliveries, 1);
	CHECK_INT(deliveries_acked(&deliveries), 0); /* nothing of it was put yet */
	deliveries_wait(&deliveries, 1, 2);
	deliveries_seal(&deliveries, 1);
	CHECK_INT(deliveries_acked(&deliveries), 0);
	deliveries_add(&deliveries, 2); /* has no output */
	deliveries_seal(&deliveries, 2);
	deliveries_add(&deliveries, 3);
	deliveries_wait(&deliveries, 3, 1);
	deliveries_seal(&deliveries, 3);
	deliveries_done(&deliveries, 3);
	deliveries_done(&deliveries, 1);
	CHECK_INT(deliveries_acked(&deliveries), 0);
	deliveries_done(&deliveries, 1);
	CHECK_INT(deliveries_acked(&deliveries), 3);
	free(deliveries.ring);
}

TEST(deliveries_keep_the_origin_as_long_as_it_waits)
{
	struct deliveries deliveries = {0};

	for (uint64_t seq = 1; seq <= 5000; seq++) { /* it grows on its way */
		deliveries_add(&deliveries, seq);
		deliveries_wait(&deliveries, seq, 1);
		deliveries_set_origin(&deliveries, seq, (struct origin){"t", (int64_t)seq * 10, 3});
	}
	CHECK_INT(deliveries_origin(&deliveries, 1).offset, 10);
	CHECK_INT(deliveries_origin(&deliveries, 5000).offset, 50000);
	CHECK_INT(deliveries_origin(&deliveries, 5000).partition, 3);
	deliveries_add(&deliveries, 5001); /* in a place that was used before or not */
	CHECK(deliveries_origin(&deliveries, 5001).topic == NULL);
	free(deliveries.ring);
}

TEST(deliveries_grow_and_keep_what_waits)
{
	struct deliveries deliveries = {0};

	for (uint64_t seq = 1; seq <= 10000; seq++) {
		deliveries_add(&deliveries, seq);
		deliveries_wait(&deliveries, seq, 1);
		deliveries_seal(&deliveries, seq);
	}
	for (uint64_t seq = 10000; seq > 1; seq--)
		deliveries_done(&deliveries, seq);
	CHECK_INT(deliveries_acked(&deliveries), 0);
	deliveries_done(&deliveries, 1);
	CHECK_INT(deliveries_acked(&deliveries), 10000);
	free(deliveries.ring);
}

TEST(an_end_of_stream_has_no_outputs)
{
	struct input input = {.outputs = 7};

	begin(true);
	buf_reserve(&stream, FRAME_HEADER);
	stream.length += frame_end_write(stream.data, 0);
	feed(0, stream.length);
	CHECK_INT(intake_next(&intake, &input), INTAKE_INPUT);
	CHECK(input.end);
	CHECK_INT(input.outputs, 0);
}

UNIT_MAIN
