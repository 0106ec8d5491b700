/* Events that take too long: what is ordered when, with the time given. */

#include <limits.h>

#include "bruco/driver/watchdog.h"
#include "unit.h"

enum { NS = 1000000, START = 5000, TIMEOUT = 1000 };

static struct watch_claim running(uint64_t seq, uint32_t attempt, int64_t since_ms)
{
	return (struct watch_claim){RUN_RUNNING, attempt, seq, since_ms * NS};
}

static const struct watch_claim idle = {.state = RUN_IDLE, .seq = 9};

/* A look at that time, by someone who looks when it is due and not before. */
static enum watch_order look(
	struct watch *watch, struct watch_claim claim, int64_t timeout_ms, int64_t now_ms)
{
	enum watch_order order;

	CHECK(now_ms >= watch->due_ms);
	order = watch_look(watch, &claim, timeout_ms, now_ms);
	CHECK(watch->due_ms > now_ms); /* or it would be a busy loop */
	return order;
}

/* What comes at the next time it is due, and when that is. */
static enum watch_order next(
	struct watch *watch, struct watch_claim claim, int64_t timeout_ms, int64_t *now_ms)
{
	enum watch_order order;

	do {
		*now_ms = watch->due_ms;
		order = look(watch, claim, timeout_ms, *now_ms);
	} while (order == WATCH_NOTHING && *now_ms < START + 1000 * WATCH_LONG_MS);
	return order;
}

TEST(the_whole_way_of_an_event_that_never_ends)
{
	struct watch_claim claim = running(7, 0, START);
	struct watch watch;
	int64_t now = START;

	watch_begin(&watch, START);
	CHECK_INT(watch.due_ms, START);
	CHECK_INT(next(&watch, claim, TIMEOUT, &now), WATCH_TIMEOUT);
	CHECK_INT(now, START + TIMEOUT + WATCH_TICK_MS);
	CHECK_INT(next(&watch, claim, TIMEOUT, &now), WATCH_ALARM);
	CHECK_INT(now, START + TIMEOUT + WATCH_TICK_MS + WATCH_AGAIN_MS);
	CHECK_INT(next(&watch, claim, TIMEOUT, &now), WATCH_DUMP);
	CHECK_INT(now, START + TIMEOUT + WATCH_TICK_MS + WATCH_GRACE_MS);
	CHECK_INT(next(&watch, claim, TIMEOUT, &now), WATCH_KILL);
	CHECK_INT(now, START + TIMEOUT + WATCH_TICK_MS + WATCH_GRACE_MS + WATCH_DUMP_MS);
	/* Once. */
	for (int i = 0; i < 10; i++)
		CHECK_INT(look(&watch, claim, TIMEOUT, watch.due_ms), WATCH_NOTHING);
}

TEST(an_event_that_ends_in_time_is_left_alone)
{
	struct watch watch;
	int64_t now = START;

	watch_begin(&watch, START);
	CHECK_INT(look(&watch, running(1, 0, START), TIMEOUT, now), WATCH_NOTHING);
	for (uint64_t seq = 2; seq < 50; seq++) {
		now = watch.due_ms;
		CHECK_INT(look(&watch, running(seq, 0, now - 900), TIMEOUT, now), WATCH_NOTHING);
	}
}

/* The next event, the next attempt of the same one, and the same one begun anew have a time of
 * their own, however far the one before had come. */
TEST(another_event_begins_from_the_start)
{
	const enum watch_order ways[] = {WATCH_TIMEOUT, WATCH_ALARM, WATCH_DUMP};

	for (int i = 0; i < 3; i++)
		for (int kind = 0; kind < 4; kind++) {
			struct watch_claim first = running(7, 1, START), second = first;
			struct watch watch;
			int64_t now = START, begun;

			watch_begin(&watch, START);
			while (next(&watch, first, TIMEOUT, &now) != ways[i])
				;
			begun = now + 50;
			second.since_ns = begun * NS;
			if (kind == 0)
				second.seq = 8;
			else if (kind == 1)
				second.attempt = 2;
			else if (kind == 2) /* seen between attempts */
				watch_look(&watch, &idle, TIMEOUT, now + 20);
			CHECK_INT(watch_look(&watch, &second, TIMEOUT, now + 60), WATCH_NOTHING);
			CHECK_INT(next(&watch, second, TIMEOUT, &now), WATCH_TIMEOUT);
			CHECK_INT(now, begun + TIMEOUT + WATCH_TICK_MS);
		}
}

TEST(what_does_not_run_is_not_late)
{
	struct watch_claim claim = running(7, 0, START);
	struct watch watch;
	int64_t now = START;

	watch_begin(&watch, START);
	CHECK_INT(next(&watch, claim, TIMEOUT, &now), WATCH_TIMEOUT);
	claim.state = RUN_WRITING;
	for (int i = 0; i < 100; i++)
		CHECK_INT(look(&watch, claim, TIMEOUT, watch.due_ms), WATCH_NOTHING);
	claim.state = 4711;
	CHECK_INT(look(&watch, claim, TIMEOUT, watch.due_ms), WATCH_NOTHING);
}

/* Looking at an idle worker only so often misses nothing. */
TEST(an_event_that_begins_just_after_a_look_is_not_late_for_it)
{
	struct watch watch;
	int64_t now = START;

	watch_begin(&watch, START);
	CHECK_INT(look(&watch, idle, TIMEOUT, START), WATCH_NOTHING);
	CHECK(watch.due_ms <= START + TIMEOUT);
	CHECK_INT(next(&watch, running(1, 0, START + 1), TIMEOUT, &now), WATCH_TIMEOUT);
	CHECK_INT(now, START + 1 + TIMEOUT + WATCH_TICK_MS);
}

/* The page may say what it likes: the past before it was looked at, and the future. */
TEST(a_beginning_that_cannot_be_true_is_not_believed)
{
	const int64_t claims[] = {
		0, INT64_MIN / NS, -1, START - 100000, INT64_MAX / NS, START + 500};

	for (int i = 0; i < 6; i++) {
		struct watch watch;
		int64_t now = START;

		watch_begin(&watch, START);
		CHECK_INT(look(&watch, idle, TIMEOUT, now), WATCH_NOTHING);
		CHECK_INT(next(&watch, running(1, 0, claims[i]), TIMEOUT, &now), WATCH_TIMEOUT);
		CHECK(watch.begun_ms >= START && watch.begun_ms <= START + TIMEOUT);
	}
}

/* One who looks late, because he was stopped himself, gives the worker its whole grace. */
TEST(the_grace_begins_with_the_alarm)
{
	struct watch_claim claim = running(7, 0, START);
	struct watch watch;
	int64_t now = START + 60000;

	watch_begin(&watch, START);
	CHECK_INT(look(&watch, claim, TIMEOUT, now), WATCH_TIMEOUT);
	CHECK_INT(watch_look(&watch, &claim, TIMEOUT, now + WATCH_GRACE_MS - 1), WATCH_ALARM);
	CHECK_INT(look(&watch, claim, TIMEOUT, now + WATCH_GRACE_MS), WATCH_DUMP);
	CHECK_INT(watch_look(&watch, &claim, TIMEOUT, now + WATCH_GRACE_MS + WATCH_DUMP_MS - 1),
		WATCH_NOTHING);
	CHECK_INT(look(&watch, claim, TIMEOUT, now + WATCH_GRACE_MS + WATCH_DUMP_MS), WATCH_KILL);
}

TEST(a_new_life_begins_from_the_start)
{
	struct watch_claim claim = running(7, 0, START);
	struct watch watch;
	int64_t now = START;

	watch_begin(&watch, START);
	while (next(&watch, claim, TIMEOUT, &now) != WATCH_KILL)
		;
	watch_begin(&watch, now);
	CHECK_INT(look(&watch, claim, TIMEOUT, now), WATCH_NOTHING);
	CHECK_INT(next(&watch, claim, TIMEOUT, &now), WATCH_TIMEOUT);
}

TEST(without_a_timeout_there_are_warnings_at_doubling_intervals)
{
	struct watch_claim claim = running(7, 0, START);
	struct watch watch;
	int64_t now = START;

	watch_begin(&watch, START);
	for (int64_t after = 30000; after < 2000000; after *= 2) {
		CHECK_INT(next(&watch, claim, 0, &now), WATCH_LONG);
		CHECK_INT(now, START + after);
	}
	/* One who looks late tells once. */
	CHECK_INT(look(&watch, claim, 0, START + 100000000), WATCH_LONG);
	CHECK_INT(watch_look(&watch, &claim, 0, START + 100000001), WATCH_NOTHING);
	/* The next event has its own. */
	claim = running(8, 0, START + 100000002);
	CHECK_INT(watch_look(&watch, &claim, 0, START + 100000003), WATCH_NOTHING);
	CHECK_INT(watch.due_ms, START + 100000002 + 30000);
}

TEST(a_very_short_timeout_is_no_busy_loop)
{
	struct watch watch;
	int64_t now = START;

	watch_begin(&watch, START);
	CHECK_INT(look(&watch, idle, 1, now), WATCH_NOTHING);
	CHECK_INT(watch.due_ms, START + WATCH_IDLE_MS);
	CHECK_INT(next(&watch, running(1, 0, START + 1), 1, &now), WATCH_TIMEOUT);
	CHECK_INT(now, START + WATCH_IDLE_MS);
}

TEST(without_a_timeout_an_idle_worker_is_hardly_looked_at)
{
	struct watch watch;

	watch_begin(&watch, START);
	CHECK_INT(look(&watch, idle, 0, START), WATCH_NOTHING);
	CHECK_INT(watch.due_ms, START + WATCH_LONG_MS);
}

TEST(a_time_before_all_times_is_the_first)
{
	struct page *page = page_map(-1);

	page_set_event(page, 7, 0, INT64_MIN);
	CHECK_INT(watch_read(page).since_ns, 0);
}

UNIT_MAIN
