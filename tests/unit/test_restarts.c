/* The arithmetic of restarts: the budget, the back-off and the deaths that events account for. */

#include "base/back_off.h"
#include "bruco/driver/restarts.h"
#include "unit.h"

TEST(restarts_are_counted_in_a_window)
{
	struct restarts restarts;

	restarts_init(&restarts, 3);
	CHECK(restarts_take(&restarts, 1000));
	CHECK(restarts_take(&restarts, 2000));
	CHECK(restarts_take(&restarts, 3000));
	CHECK(!restarts_take(&restarts, 3001));
	CHECK(!restarts_take(&restarts, 1000 + RESTART_WINDOW_MS - 1));
	CHECK(restarts_take(&restarts, 1000 + RESTART_WINDOW_MS));
	CHECK(!restarts_take(&restarts, 1000 + RESTART_WINDOW_MS));
	CHECK(restarts_take(&restarts, 3000 + RESTART_WINDOW_MS));
	CHECK(restarts_take(&restarts, 3000 + RESTART_WINDOW_MS));
	CHECK(!restarts_take(&restarts, 3000 + RESTART_WINDOW_MS));
	restarts_release(&restarts);
}

TEST(asking_for_a_restart_takes_none)
{
	struct restarts restarts;

	restarts_init(&restarts, 1);
	for (int i = 0; i < 3; i++)
		CHECK(restarts_available(&restarts, 1000));
	CHECK(restarts_take(&restarts, 1000));
	CHECK(!restarts_available(&restarts, 1001));
	CHECK(restarts_available(&restarts, 1000 + RESTART_WINDOW_MS));
	restarts_release(&restarts);
}

TEST(no_restarts_at_all)
{
	struct restarts restarts;

	restarts_init(&restarts, 0);
	CHECK(!restarts_take(&restarts, 0));
	restarts_release(&restarts);
}

TEST(many_restarts)
{
	struct restarts restarts;
	int taken = 0;

	restarts_init(&restarts, 1000);
	for (int64_t now = 0; now < 2000; now++)
		taken += restarts_take(&restarts, now);
	CHECK_INT(taken, 1000);
	CHECK(restarts.capacity <= 2100);
	restarts_release(&restarts);
}

static bool accounts(struct event_mark *last, uint32_t state, uint64_t seq, uint32_t attempt)
{
	struct page_snapshot page = {.state = state, .seq = seq, .attempt = attempt};

	return restarts_accounts_for(last, &page, 3);
}

TEST(an_event_accounts_for_its_attempts_and_no_more)
{
	struct event_mark last = {0};

	for (uint64_t seq = 1; seq < 1000; seq += 7) {
		CHECK(accounts(&last, RUN_RUNNING, seq, 0));
		CHECK(!accounts(&last, RUN_RUNNING, seq, 0));
		CHECK(accounts(&last, RUN_RUNNING, seq, 1));
		CHECK(accounts(&last, RUN_RUNNING, seq, 2));
		CHECK(!accounts(&last, RUN_RUNNING, seq, 3));
		CHECK(!accounts(&last, RUN_RUNNING, seq, 1));
	}
	CHECK(!accounts(&last, RUN_RUNNING, 1, 0));
}

TEST(no_event_accounts_for_a_death_beside_it)
{
	struct event_mark last = {0};

	CHECK(!accounts(&last, RUN_IDLE, 5, 0));
	CHECK(!accounts(&last, RUN_WRITING, 5, 0));
	CHECK(!accounts(&last, 77, 5, 0));
	CHECK(!accounts(&last, RUN_RUNNING, 0, 0)); /* there is no such number */
	CHECK(!accounts(&last, RUN_RUNNING, 5, UINT32_MAX));
	CHECK_INT(last.seq, 0);
	CHECK(accounts(&last, RUN_RUNNING, 5, 0));
}

static bool accounts_together(struct event_mark *last, uint64_t first, uint64_t end)
{
	struct page_snapshot page = {.state = RUN_TOGETHER, .first = first, .last = end};

	return restarts_accounts_for(last, &page, 3);
}

TEST(events_in_flight_together_account_for_one_death)
{
	struct event_mark last = {0};

	CHECK(accounts_together(&last, 5, 9));
	for (uint64_t first = 0; first <= 9; first++)
		CHECK(!accounts_together(&last, first, 30));
	CHECK(!accounts_together(&last, 12, 11));
	CHECK(accounts(&last, RUN_RUNNING, 7, 0)); /* one of them, alone */
	CHECK(accounts_together(&last, 10, 10));
}

/* A page that is written over claims what it likes; it gets one death for free. */
TEST(a_false_claim_does_not_go_on_for_ever)
{
	struct event_mark last = {0};

	CHECK(accounts(&last, RUN_RUNNING, UINT64_MAX, 2));
	for (int i = 0; i < 100; i++)
		CHECK(!accounts(&last, RUN_RUNNING, UINT64_MAX, 2));
}

TEST(back_off_doubles_to_half_a_minute)
{
	static const int64_t waits[] = {
		0, 100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000};

	for (unsigned i = 0; i < sizeof waits / sizeof waits[0]; i++)
		CHECK_INT(back_off_ms(i), waits[i]);
	CHECK_INT(back_off_ms(UINT32_MAX), 30000);
}

UNIT_MAIN
