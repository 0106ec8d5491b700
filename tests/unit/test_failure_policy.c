/* What the sink makes of failed frames and refused outputs. */
#include "failing_sink.h"

#include <signal.h>
#include <stdlib.h>

#include "base/mem.h"

static void add_three(const char *second)
{
	add_frame(FRAME_TYPE_RECORD, 0, 1, "a", NULL);
	add_frame(FRAME_TYPE_RECORD, 0, 1, second, NULL);
	add_frame(FRAME_TYPE_RECORD, FRAME_LAST, 1, "c", NULL);
	add_frame(FRAME_TYPE_RECORD, FRAME_LAST, 2, "d", NULL);
}

TEST(refused_output_stops_before_any_of_its_input_is_put)
{
	add_three("!");
	CHECK_TEXT(run_lane(FAILURE_STOP), "");
	CHECK_INT(sink.status, 1);
	CHECK_INT(acked(), 0);
}

TEST(refused_output_skips_its_whole_input)
{
	add_three("!");
	CHECK_TEXT(run_lane(FAILURE_SKIP), "out:d ");
	CHECK_INT(sink.status, 0);
	CHECK_INT(acked(), 1);
	ticket_delivered(&sink, tickets[0]);
	CHECK_INT(acked(), 2);
	CHECK_INT(sink.under_way, 0);
	/* One event, however many of its outputs there were. */
	CHECK_INT(page_get(sink.page, COUNT_FAILED), 1);
	CHECK_INT(page_get(sink.page, COUNT_REFUSED), 1);
	CHECK_INT(page_get(sink.page, COUNT_SKIPPED), 1);
	CHECK_INT(page_get(sink.page, COUNT_LETTERS), 0);
}

TEST(refused_output_takes_its_siblings_to_the_dead_letter)
{
	add_three("!");
	CHECK_TEXT(run_lane(FAILURE_DEAD_LETTER),
		"letter:a(another output of its event was refused) letter:!(it is no good) "
		"letter:c(another output of its event was refused) out:d ");
	CHECK_INT(acked(), 0);
	for (size_t i = 0; i < 3; i++) {
		CHECK_INT(acked(), 0);
		ticket_delivered(&sink, tickets[i]);
	}
	CHECK_INT(acked(), 1);
	CHECK_INT(page_get(sink.page, COUNT_FAILED), 1);
	CHECK_INT(page_get(sink.page, COUNT_LETTERS), 3);
}

TEST(refused_output_in_a_batch_concerns_its_event_alone)
{
	add_frame(FRAME_TYPE_RECORD, 0, 1, "a", NULL);
	add_frame(FRAME_TYPE_RECORD, 0, 2, "b", NULL);
	add_frame(FRAME_TYPE_RECORD, 0, 2, "!", NULL);
	add_frame(FRAME_TYPE_FAILED, 0, 4, "x", "ValueError: bad");
	add_frame(FRAME_TYPE_RECORD, 0, 5, "e", NULL);
	frames.length += frame_empty_write(frames.data + frames.length, 5, 1);
	CHECK_TEXT(run_lane(FAILURE_DEAD_LETTER),
		"out:a letter:b(another output of its event was refused) letter:!(it is no good) "
		"letter:x(ValueError: bad) out:e ");
	for (size_t i = 5; i-- > 1;)
		ticket_delivered(&sink, tickets[i]);
	CHECK_INT(acked(), 0);
	ticket_delivered(&sink, tickets[0]);
	CHECK_INT(acked(), 5);
	CHECK_INT(page_get(sink.page, COUNT_RECORDS_IN), 5);
}

TEST(found_too_large_by_the_client_concerns_one_output)
{
	add_three(">");
	CHECK_TEXT(run_lane(FAILURE_DEAD_LETTER),
		"out:a letter:>(message size too large) out:c out:d ");
}

TEST(failed_frame_by_its_own_error)
{
	add_frame(FRAME_TYPE_FAILED, FRAME_LAST, 1, "x", "ValueError: bad");
	CHECK_TEXT(run_lane(FAILURE_DEAD_LETTER), "letter:x(ValueError: bad) ");
	CHECK_INT(acked(), 0);
	ticket_delivered(&sink, tickets[0]);
	CHECK_INT(acked(), 1);
}

TEST(failed_frame_is_skipped)
{
	add_frame(FRAME_TYPE_FAILED, FRAME_LAST, 1, "x", NULL);
	CHECK_TEXT(run_lane(FAILURE_SKIP), "");
	CHECK_INT(acked(), 1);
	CHECK_INT(page_get(sink.page, COUNT_FAILED), 1);
}

TEST(failed_frame_stops)
{
	add_frame(FRAME_TYPE_RECORD, FRAME_LAST, 1, "a", NULL);
	add_frame(FRAME_TYPE_FAILED, FRAME_LAST, 2, "x", NULL);
	CHECK_TEXT(run_lane(FAILURE_STOP), "out:a ");
	CHECK_INT(sink.status, 1);
	ticket_delivered(&sink, tickets[0]);
	CHECK_INT(acked(), 1);
}

TEST(failed_frame_passes_a_kind_of_frames_by_hand_only)
{
	sink.out.kind = &passing;
	sink.stage.control = -1;
	add_frame(FRAME_TYPE_FAILED, FRAME_LAST, 1, "x", NULL);
	CHECK_TEXT(run_lane(FAILURE_STOP), "out:x ");
	sink.stage.control = 0;
	buf_reset(&frames);
	add_frame(FRAME_TYPE_FAILED, FRAME_LAST, 2, "y", NULL);
	run_lane(FAILURE_STOP);
	CHECK_INT(sink.status, 1);
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

	if (sink.lanes != NULL) {
		buf_release(&sink.lanes->intake.buf);
		free(sink.lanes->deliveries.ring);
		free(sink.lanes);
	}
	sink.lanes = mem_array(1, sizeof *sink.lanes);
	lane_init(sink.lanes, 1 << 20, false);
	deaths_note(sink.lanes, &death);
	deaths_note(sink.lanes, &other);
	buf_reset(&frames);
	buf_reset(&notes);
	add_frame(FRAME_TYPE_FAILED, FRAME_LAST, 5, "x", NULL);
	return run_lane(FAILURE_DEAD_LETTER);
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
	add_frame(FRAME_TYPE_FAILED, FRAME_LAST, 1, "x", NULL);
	CHECK_TEXT(run_lane(FAILURE_DEAD_LETTER), "letter:x(worker died while the event ran) ");
}

TEST(full_dead_letter_holds_the_lane_back)
{
	letters_full = true;
	add_frame(FRAME_TYPE_FAILED, FRAME_LAST, 1, "x", NULL);
	add_frame(FRAME_TYPE_RECORD, FRAME_LAST, 2, "d", NULL);
	CHECK_TEXT(run_lane(FAILURE_DEAD_LETTER), "");
	CHECK_INT(acked(), 0);
	letters_full = false;
	buf_reset(&notes);
	CHECK(lane_work(&sink, 0));
	buf_byte(&notes, '\0');
	CHECK_TEXT((const char *)notes.data, "letter:x(worker died while the event ran) out:d ");
}

TEST(tickets_of_a_lane_are_in_the_order_of_its_outputs)
{
	add_frame(FRAME_TYPE_RECORD, 0, 1, "a", NULL);
	add_frame(FRAME_TYPE_RECORD, FRAME_LAST, 1, "b", NULL);
	add_frame(FRAME_TYPE_RECORD, FRAME_LAST, 2, "c", NULL);
	run_lane(FAILURE_STOP);
	CHECK(tickets[0] < tickets[1] && tickets[1] < tickets[2]);
	CHECK_INT(ticket_number(&sink, tickets[1]), 1);
	CHECK_INT(ticket_output(tickets[1]), 1);
	CHECK_INT(ticket_output(tickets[2]), 0);
	/* Of a number the lower half is in the ticket. */
	sink.lanes->deliveries.acked = 0x7fffffff0;
	CHECK_INT(ticket_number(&sink, ticket_make(0, 0x800000003, 5)), 0x800000003);
	sink.lanes->deliveries.acked = 0;
}

UNIT_MAIN
