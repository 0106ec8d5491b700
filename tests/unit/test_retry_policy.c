/* What follows a failed attempt, and how long the pause before the next one is. */
#include "bruco-worker/run/retry_policy.h"
#include "unit.h"

static struct processor_config processor = {.retry_attempts = 3,
	.retry_backoff_ms = 100,
	.retry_max_backoff_ms = 1000,
	.on_failure = FAILURE_DEAD_LETTER};

static enum verdict after(struct failed_attempt failed)
{
	return retry_verdict(&processor, &failed);
}

TEST(attempts_before_the_last_are_followed_by_another)
{
	CHECK_INT(after((struct failed_attempt){.number = 0, .gives_frames = true}), VERDICT_RETRY);
	CHECK_INT(after((struct failed_attempt){.number = 1, .gives_frames = true}), VERDICT_RETRY);
	CHECK_INT(after((struct failed_attempt){.number = 1}), VERDICT_RETRY);
}

TEST(the_last_one_is_followed_by_what_on_failure_says)
{
	struct failed_attempt last = {.number = 2, .gives_frames = true};

	CHECK_INT(after(last), VERDICT_HAND_ON);
	processor.on_failure = FAILURE_SKIP;
	CHECK_INT(after(last), VERDICT_HAND_ON);
	processor.on_failure = FAILURE_STOP;
	CHECK_INT(after(last), VERDICT_STOP);
}

TEST(more_attempts_than_there_may_be_are_as_the_last_one)
{
	CHECK_INT(after((struct failed_attempt){.number = 65535, .gives_frames = true}),
		VERDICT_HAND_ON);
}

TEST(lines_and_json_have_no_failed_events)
{
	CHECK_INT(after((struct failed_attempt){.number = 2}), VERDICT_DROP);
	processor.on_failure = FAILURE_STOP;
	CHECK_INT(after((struct failed_attempt){.number = 2}), VERDICT_STOP);
}

TEST(a_final_failure_is_the_last_attempt_whatever_its_number)
{
	struct failed_attempt rejected = {.number = 0, .is_final = true, .gives_frames = true};

	CHECK_INT(after(rejected), VERDICT_HAND_ON);
	processor.on_failure = FAILURE_STOP;
	CHECK_INT(after(rejected), VERDICT_STOP);
}

TEST(an_interruption_ends_the_worker_whatever_else_holds)
{
	CHECK_INT(after((struct failed_attempt){.interrupted = true}), VERDICT_INTERRUPT);
	CHECK_INT(
		after((struct failed_attempt){
			.number = 2, .is_final = true, .interrupted = true, .gives_frames = true}),
		VERDICT_INTERRUPT);
}

TEST(pauses_double_up_to_the_largest)
{
	CHECK_INT(retry_pause_ms(&processor, 1, 0), 100);
	CHECK_INT(retry_pause_ms(&processor, 2, 0), 200);
	CHECK_INT(retry_pause_ms(&processor, 4, 0), 800);
	CHECK_INT(retry_pause_ms(&processor, 5, 0), 1000);
	CHECK_INT(retry_pause_ms(&processor, UINT32_MAX, 0), 1000);
}

TEST(pauses_are_shortened_at_random_by_a_half_at_most)
{
	CHECK_INT(retry_pause_ms(&processor, 1, 50), 50);
	CHECK_INT(retry_pause_ms(&processor, 1, 51), 100);
	for (uint32_t random = 0; random < 1000; random++) {
		CHECK(retry_pause_ms(&processor, 2, random) >= 100);
		CHECK(retry_pause_ms(&processor, 2, random) <= 200);
	}
}

TEST(without_a_back_off_there_is_no_pause)
{
	processor.retry_backoff_ms = 0;
	CHECK_INT(retry_pause_ms(&processor, 7, 12345), 0);
}

UNIT_MAIN
