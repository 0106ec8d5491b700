/* What is concluded from the facts of a pipeline, and how it is written. */
#include "bruco/monitor/overview.h"

#include <stdio.h>
#include <string.h>

#include "base/version.h"
#include "bruco/monitor/metrics.h"
#include "bruco/monitor/summary.h"
#include "unit.h"

enum { STALL = 60000, NOW = 1000000 };

static struct board board;

/* A pipeline of one worker that has a board. */
static struct overview pipeline(void)
{
	static struct overview_stage stages[] = {{.name = "bruco-source", .role = OVERVIEW_SOURCE},
		{.name = "bruco-sink", .role = OVERVIEW_SINK},
		{.name = "bruco-worker-0", .role = OVERVIEW_WORKER, .cpu_ms = 1234, .ready = true}};
	static struct overview_run run;

	board.lane_count = 1;
	return (struct overview){.name = "a \"b\"\\\n",
		.state = "running",
		.stages = stages,
		.runs = &run,
		.workers = 1,
		.board = &board,
		.now_ms = NOW,
		.wall_ms = 5000000};
}

/* Its next partition, which has moved `for_ms` ago. */
static struct board_partition *add(int64_t committed, int64_t end, int64_t for_ms)
{
	struct board_partition *row = &board.rows[board.partition_count++];

	*row = (struct board_partition){.topic = "orders",
		.id = (int32_t)board.partition_count - 1,
		.lane = 0,
		.committed = committed,
		.position = committed,
		.end = end,
		.newest_ms = -1,
		.moved_ms = NOW - for_ms};
	return row;
}

TEST(lag_is_from_what_is_committed_to_the_end)
{
	struct overview overview = pipeline();

	CHECK_INT(overview_lag_sum(&overview), -1);
	CHECK_INT(overview_lag(add(10, 25, 0)), 15);
	CHECK_INT(overview_lag(add(25, 25, 0)), 0);
	CHECK_INT(overview_lag(add(26, 25, 0)), 0); /* the end that was heard is older */
	CHECK_INT(overview_lag(add(10, -1, 0)), -1);
	CHECK_INT(overview_lag_sum(&overview), 15);
}

TEST(a_lag_beyond_all_numbers_is_the_largest)
{
	struct overview overview = pipeline();

	add(0, INT64_MAX, 0);
	add(0, INT64_MAX, 0);
	CHECK(overview_lag_sum(&overview) == INT64_MAX);
}

TEST(without_a_commit_lag_is_from_the_position)
{
	struct board_partition *row = add(-1, 25, 0);

	CHECK_INT(overview_lag(row), -1);
	row->position = 20;
	CHECK_INT(overview_lag(row), 5);
}

TEST(lag_in_seconds_is_the_age_of_the_newest_record_taken)
{
	struct overview overview = pipeline();
	struct board_partition *row = add(10, 25, 0);

	CHECK_INT(overview_lag_ms(&overview, row), -1);
	row->newest_ms = 4990000;
	CHECK_INT(overview_lag_ms(&overview, row), 10000);
	row->newest_ms = 5990000; /* of a clock that is ahead */
	CHECK_INT(overview_lag_ms(&overview, row), 0);
	row->committed = 25;
	row->newest_ms = 4990000;
	CHECK_INT(overview_lag_ms(&overview, row), 0);
}

TEST(the_oldest_record_is_that_of_the_lane_that_waits_longest)
{
	struct overview overview = pipeline();

	CHECK_INT(overview_oldest_ms(&overview), 0);
	board.lane_count = 3;
	board.lanes[1].oldest_ms = NOW - 50;
	board.lanes[2].oldest_ms = NOW - 70;
	CHECK_INT(overview_oldest_ms(&overview), 70);
	overview.board = NULL;
	CHECK_INT(overview_oldest_ms(&overview), 0);
}

static void check_why(const struct board_partition *row, const char *want)
{
	char text[64];

	overview_why(text, row);
	CHECK_TEXT(text, want);
}

TEST(what_a_partition_waits_for)
{
	struct board_partition *row = add(10, 25, 0);

	check_why(row, "moving");
	row->flags = BOARD_AT_END;
	check_why(row, "in hand");
	row->flags = BOARD_FULL;
	check_why(row, "waits for worker 0");
	row->lane = BOARD_LANES;
	check_why(row, "waits for workers");
	row->committed = 25;
	check_why(row, "at the end");
	row->flags = BOARD_PAUSED;
	check_why(row, "paused");
}

static void check_unready(struct overview *overview, const char *want)
{
	CHECK_TEXT(overview_unready(overview, STALL), want);
}

TEST(a_partition_that_stands_still_with_work_is_not_ready)
{
	struct overview overview = pipeline();
	struct board_partition *row = add(10, 25, STALL - 1);

	check_unready(&overview, NULL);
	row->moved_ms--;
	check_unready(&overview,
		"orders[0] is 15 records behind and nothing of it was done for 60 s");
	row->flags = BOARD_PAUSED; /* as the user wants it */
	check_unready(&overview, NULL);
	row->flags = 0;
	row->committed = 25;
	check_unready(&overview, NULL);
	row->end = -1;
	check_unready(&overview, NULL);
}

TEST(one_partition_among_many_is_enough)
{
	struct overview overview = pipeline();

	add(10, 25, 0);
	add(10, 25, 2 * STALL);
	check_unready(&overview,
		"orders[1] is 15 records behind and nothing of it was done for 120 s");
}

TEST(a_broker_that_does_not_answer_is_not_ready_after_that_time)
{
	struct overview overview = pipeline();

	board.broker_ms = NOW - STALL;
	check_unready(&overview, NULL); /* nobody asked since */
	board.broker_failing = 1;
	check_unready(&overview, "no broker of the source has answered for 60 s");
	board.broker_ms++;
	check_unready(&overview, NULL);
}

TEST(the_drivers_reason_comes_first)
{
	struct overview overview = pipeline();

	strcpy(overview.unready, "starting");
	add(10, 25, STALL);
	check_unready(&overview, "starting");
}

TEST(failures_are_told_apart)
{
	struct tally tally = {0};
	uint64_t *sink = tally.counters[OVERVIEW_SINK];

	sink[COUNT_FAILED] = 10;
	sink[COUNT_DIED] = 3;
	sink[COUNT_REFUSED] = 2;
	CHECK_INT(tally_failed(&tally, FAILURE_HANDLER), 5);
	CHECK_INT(tally_failed(&tally, FAILURE_DEATH), 3);
	CHECK_INT(tally_failed(&tally, FAILURE_REFUSED), 2);
	sink[COUNT_FAILED] = 4; /* read before the others were counted */
	CHECK_INT(tally_failed(&tally, FAILURE_HANDLER), 0);
}

TEST(a_tally_keeps_gauges_of_the_living_only)
{
	struct tally tally = {0};
	struct page *page = page_map(-1);

	page_count(page, COUNT_RECORDS_IN, 7);
	page_set(page, COUNT_IN_FLIGHT, 5);
	histogram_add(&page->times, 1000000);
	tally_add(&tally, OVERVIEW_SOURCE, page, false);
	tally_add(&tally, OVERVIEW_SOURCE, page, true);
	CHECK_INT(tally.counters[OVERVIEW_SOURCE][COUNT_RECORDS_IN], 14);
	CHECK_INT(tally.counters[OVERVIEW_SOURCE][COUNT_IN_FLIGHT], 5);
	CHECK_INT(histogram_sum_count(&tally.times[OVERVIEW_SOURCE]), 2);
}

static void check_summary(const struct overview *overview, const char *line, const char *json)
{
	struct buf text = {0}, fields = {0};

	summary_write(overview, &text, &fields);
	CHECK_TEXT((const char *)text.data, line);
	CHECK_TEXT((const char *)fields.data, json);
}

TEST(a_summary_leaves_out_what_is_0)
{
	struct overview overview = pipeline();

	overview.board = NULL;
	check_summary(&overview, "in 0, out 0, bytes in 0, bytes out 0, 0.00 s, 0 records/s",
		"\"in\": 0, \"out\": 0, \"filtered\": 0, \"failed\": 0, \"retried\": 0, "
		"\"dead_letters\": 0, \"skipped\": 0, \"restarts\": 0, \"bytes_in\": 0, "
		"\"bytes_out\": 0, \"seconds\": 0.000, \"rate\": 0.0");
}

TEST(a_summary_of_everything)
{
	struct overview overview = pipeline();
	uint64_t *source = overview.tally.counters[OVERVIEW_SOURCE];
	uint64_t *sink = overview.tally.counters[OVERVIEW_SINK];

	add(10, 25, 0);
	overview.ready_ms = 2500;
	source[COUNT_RECORDS_IN] = 100;
	source[COUNT_BYTES_IN] = 1000;
	sink[COUNT_RECORDS_OUT] = 90;
	sink[COUNT_BYTES_OUT] = 900;
	sink[COUNT_FILTERED] = 5;
	sink[COUNT_FAILED] = 4;
	sink[COUNT_LETTERS] = 3;
	sink[COUNT_SKIPPED] = 1;
	overview.tally.counters[OVERVIEW_WORKER][COUNT_RETRIED] = 8;
	overview.tally.restarts[OVERVIEW_WORKER][RESTART_SIGNAL] = 1;
	overview.tally.restarts[OVERVIEW_SINK][RESTART_EXIT] = 1;
	check_summary(&overview,
		"in 100, out 90, filtered 5, failed 4, retried 8, dead letters 3, skipped 1, restarts 2, "
		"bytes in 1000, bytes out 900, 2.50 s, 40 records/s, lag 15",
		"\"in\": 100, \"out\": 90, \"filtered\": 5, \"failed\": 4, \"retried\": 8, "
		"\"dead_letters\": 3, \"skipped\": 1, \"restarts\": 2, \"bytes_in\": 1000, "
		"\"bytes_out\": 900, \"seconds\": 2.500, \"rate\": 40.0, \"lag\": 15");
}

static const char *metrics(const struct overview *overview, const char *unready)
{
	static struct buf text;

	buf_reset(&text);
	metrics_write(&text, overview, unready);
	buf_byte(&text, '\0');
	return (const char *)text.data;
}

static void check_metric(const struct overview *overview, const char *line)
{
	const char *text = metrics(overview, NULL);
	char whole[256];

	snprintf(whole, sizeof whole, "\n%s\n", line);
	if (strstr(text, whole) == NULL)
		unit_fail(__FILE__, __LINE__, "no line '%s' in:\n%s", line, text);
}

TEST(a_label_may_hold_anything)
{
	struct overview overview = pipeline();

	check_metric(&overview,
		"bruco_info{name=\"a \\\"b\\\"\\\\\\n\",version=\"" BRUCO_VERSION "\"} 1");
}

TEST(metrics_say_what_the_overview_says)
{
	struct overview overview = pipeline();
	struct page *page = page_map(-1);

	add(10, 25, 0);
	add(10, -1, 0);
	overview.tally.counters[OVERVIEW_SOURCE][COUNT_RECORDS_IN] = UINT64_C(12345678901234567);
	overview.tally.restarts[OVERVIEW_WORKER][RESTART_TIMEOUT] = 3;
	histogram_add(&page->times, 15000);
	histogram_add(&page->times, INT64_C(120000000000));
	tally_add(&overview.tally, OVERVIEW_WORKER, page, true);
	check_metric(&overview, "bruco_ready 1");
	check_metric(&overview, "bruco_records_in_total 12345678901234567");
	check_metric(&overview, "bruco_restarts_total{role=\"worker\",cause=\"timeout\"} 3");
	check_metric(&overview, "bruco_handler_seconds_bucket{le=\"1e-05\"} 0");
	check_metric(&overview, "bruco_handler_seconds_bucket{le=\"60\"} 1");
	check_metric(&overview, "bruco_handler_seconds_bucket{le=\"+Inf\"} 2");
	check_metric(&overview, "bruco_handler_seconds_sum 120.000015");
	check_metric(&overview, "bruco_handler_seconds_count 2");
	check_metric(&overview, "bruco_stage_cpu_seconds_total{stage=\"bruco-worker-0\"} 1.234");
	check_metric(
		&overview, "bruco_partition_lag_records{topic=\"orders\",partition=\"0\"} 15");
	check_metric(&overview, "bruco_lag_records 15");
	/* What is not known has no value, rather than a wrong one. */
	CHECK(strstr(metrics(&overview, NULL),
		      "bruco_partition_lag_records{topic=\"orders\",partition=\"1\"}") == NULL);
	CHECK(strstr(metrics(&overview, "starting"), "\nbruco_ready 0\n") != NULL);
}

/* A reader of the format refuses all of a text that is not UTF-8. */
TEST(labels_are_utf8)
{
	struct overview overview = pipeline();
	struct buf text = {0};

	strcpy(add(1, 2, 0)->topic, "a\xff\x1b\"");
	metrics_write(&text, &overview, NULL);
	buf_byte(&text, 0);
	CHECK(strstr((const char *)text.data, "topic=\"a\\\\xff\\\\x1b\\\"\"") != NULL);
}

UNIT_MAIN
