/* What bruco top makes of the answers: values, rates, the order of partitions, short numbers. */
#include "bruco/top/view.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bruco/monitor/amounts.h"
#include "unit.h"

static struct view view;

static const char format[] =
	"{\"name\": \"app\", \"state\": \"running\", \"ready\": true, \"why\": null, \"up_s\": "
	"%.3f,"
	"\"totals\": {\"in\": %d, \"out\": %d, \"failed\": {\"handler\": %d, \"death\": 1},"
	" \"restarts\": {\"exit\": 2, \"signal\": 3}, \"in_flight\": 4, \"under_way\": 3, \"lag\": "
	"null},"
	"\"times\": {\"handler\": {\"count\": %d, \"sum_s\": %.3f}},"
	"\"stages\": [{\"name\": \"bruco-source\", \"role\": \"source\", \"pid\": 7, \"ready\": "
	"true, \"up_s\": 5,"
	" \"cpu_s\": %.3f, \"memory_bytes\": 1000, \"starts\": 1},"
	" {\"name\": \"bruco-worker-0\", \"role\": \"worker\", \"pid\": null, \"ready\": false}],"
	"\"lanes\": [{\"worker\": 0, \"run\": \"%s\", \"seq\": 9, \"attempt\": 1, \"for_s\": 0.5,"
	" \"state\": \"open\", \"in_hands\": 3, \"limit\": null, \"window_bytes\": 10,"
	" \"window_limit_bytes\": 20, \"rate\": 6}],"
	"\"partitions\": ["
	" {\"topic\": \"b\", \"partition\": 0, \"worker\": null, \"position\": 5, \"end\": 9, "
	"\"lag\": 4,"
	"  \"lag_s\": 2.5, \"paused\": true, \"state\": \"paused\"},"
	" {\"topic\": \"a\", \"partition\": 10, \"lag\": null, \"lag_s\": null, \"state\": "
	"\"moving\"},"
	" {\"topic\": \"a\", \"partition\": 2, \"lag\": 4, \"lag_s\": 0, \"state\": \"moving\"},"
	" {\"topic\": \"a\", \"partition\": 1, \"lag\": 30, \"lag_s\": 1, \"state\": "
	"\"moving\"}]}\n";

struct answer {
	double up_s;
	int in, out, failed, calls;
	double sum_s, cpu_s;
	const char *run;
};

static bool note(int64_t now_ms, struct answer answer)
{
	char text[4096];
	int length = snprintf(text, sizeof text, format, answer.up_s, answer.in, answer.out,
		answer.failed, answer.calls, answer.sum_s, answer.cpu_s,
		answer.run == NULL ? "running" : answer.run);

	return view_note(&view, text, (size_t)length, now_ms);
}

TEST(texts_of_an_answer_are_printable)
{
	static const char answer[] =
		"{\"name\": \"a\\u001b[1m\", \"ready\": false, \"why\": \"b\\u009b\\n\", \"partitions\": ["
		"{\"topic\": \"c\\u202e\", \"partition\": 0, \"state\": \"d\\u0007\"}]}\n";
	static const char refusal[] = "{\"error\": \"e\\u001b\", \"status\": 1}\n";

	view_init(&view);
	CHECK(view_note(&view, answer, sizeof answer - 1, 1000));
	CHECK_TEXT(view.snapshot.name, "a\\x1b[1m");
	CHECK_TEXT(view.snapshot.why, "b\\u009b\\n");
	CHECK_TEXT(view.snapshot.partitions[0].topic, "c\\u202e");
	CHECK_TEXT(view.snapshot.partitions[0].state, "d\\x07");
	CHECK(!view_note(&view, refusal, sizeof refusal - 1, 2000));
	CHECK_TEXT(view.lost, "e\\x1b");
	view_release(&view);
}

TEST(an_answer_is_read_with_what_it_does_not_know)
{
	const struct snapshot *now = &view.snapshot;

	view_init(&view);
	CHECK(note(1000, (struct answer){.up_s = 5, .in = 100, .out = 90, .failed = 2}));
	CHECK_TEXT(now->name, "app");
	CHECK_TEXT(now->why, NULL);
	CHECK_INT(now->failed, 3);
	CHECK_INT(now->restarts, 5);
	CHECK_INT(now->lag, -1);
	CHECK_INT(now->lag_s * 10, 25);
	CHECK_INT(now->stage_count, 2);
	CHECK_INT(now->stages[1].pid, 0);
	CHECK_INT(now->lanes[0].limit, -1);
	CHECK_INT(now->lanes[0].attempt, 1);
	CHECK_INT(now->partitions[0].worker, -1);
	CHECK(now->partitions[0].paused && !now->partitions[1].paused);
	CHECK_INT(now->partitions[1].lag, -1);
	CHECK_INT(now->partitions[1].position, -1);
	view_release(&view);
}

TEST(what_is_no_answer_changes_nothing_but_the_reason)
{
	static const char refusal[] = "{\"error\": \"no command 'status'\", \"status\": 64}";

	view_init(&view);
	CHECK(!view_note(&view, "{\"a", 3, 1000));
	CHECK_TEXT(view.lost, "its answer is not JSON");
	CHECK_INT(view.answered_ms, 0);
	note(2000, (struct answer){.up_s = 5, .in = 100});
	CHECK_TEXT(view.lost, "");
	CHECK(!view_note(&view, refusal, strlen(refusal), 3000));
	CHECK_TEXT(view.lost, "no command 'status'");
	CHECK_INT(view.snapshot.in, 100);
	CHECK_INT(view.answered_ms, 2000);
	view_release(&view);
}

TEST(rates_are_differences_over_the_pipelines_own_time)
{
	view_init(&view);
	note(1000, (struct answer){.up_s = 5, .in = 100, .out = 90, .failed = 2, .cpu_s = 1});
	CHECK(!view.activity.known);
	CHECK_INT(view.activity.stages[0].cpu, -1);
	note(3100, (struct answer){.up_s = 7,
			   .in = 300,
			   .out = 190,
			   .failed = 22,
			   .calls = 4,
			   .sum_s = 0.2,
			   .cpu_s = 1.5});
	CHECK(view.activity.known && !view.started_again);
	CHECK_INT(view.activity.in, 100);
	CHECK_INT(view.activity.out, 50);
	CHECK_INT(view.activity.failed, 10);
	CHECK_INT(lround(view.activity.handler_s * 1000), 50);
	CHECK_INT(view.activity.stages[0].cpu * 100, 25);
	CHECK_INT(view.activity.stages[1].cpu, -1); /* it does not run */
	view_release(&view);
}

TEST(the_handlers_time_is_that_of_the_last_calls_that_were_timed)
{
	view_init(&view);
	note(1000, (struct answer){.up_s = 5, .in = 1, .calls = 10, .sum_s = 1});
	CHECK_INT(view.activity.handler_s, -1);
	note(2000, (struct answer){.up_s = 6, .in = 2, .calls = 12, .sum_s = 2});
	CHECK_INT(lround(view.activity.handler_s * 1000), 500);
	note(3000, (struct answer){.up_s = 7, .in = 3, .calls = 12, .sum_s = 2});
	CHECK_INT(lround(view.activity.handler_s * 1000), 500);
	view_release(&view);
}

TEST(another_run_begins_anew)
{
	view_init(&view);
	note(10000, (struct answer){.up_s = 5, .in = 100});
	note(11000, (struct answer){.up_s = 6, .in = 200});
	note(12000, (struct answer){.up_s = 0.5, .in = 300});
	CHECK(view.started_again && !view.activity.known);
	view_release(&view);
	view_init(&view); /* up for longer than the first one, with more records */
	note(10000, (struct answer){.up_s = 5, .in = 100});
	view_lose(&view, "gone", 11000);
	note(60000, (struct answer){.up_s = 40, .in = 200});
	CHECK(view.started_again && !view.activity.known);
	view_release(&view);
}

TEST(a_worker_is_busy_as_often_as_it_is_seen_running)
{
	view_init(&view);
	for (int i = 0; i < 60; i++)
		note(1000 * i, (struct answer){.up_s = 1 + i, .in = i});
	CHECK(activity_busy(&view.activity, &view.snapshot, 0) > 0.99);
	for (int i = 60; i < 120; i++)
		note(1000 * i,
			(struct answer){
				.up_s = 1 + i, .in = i, .run = i % 4 == 0 ? "running" : "idle"});
	CHECK(activity_busy(&view.activity, &view.snapshot, 0) > 0.15);
	CHECK(activity_busy(&view.activity, &view.snapshot, 0) < 0.35);
	view_release(&view);
}

static const char *shown_order(void)
{
	static char text[64];

	text[0] = '\0';
	for (size_t i = 0; i < view.snapshot.partition_count; i++) {
		const struct snapshot_partition *row = &view.snapshot.partitions[view.order[i]];

		snprintf(text + strlen(text), sizeof text - strlen(text), "%s%d ", row->topic,
			(int)row->id);
	}
	return text;
}

TEST(partitions_come_by_lag_or_by_topic)
{
	view_init(&view);
	note(1000, (struct answer){.up_s = 5});
	CHECK_TEXT(shown_order(), "a1 a2 b0 a10 ");
	view_sort(&view, VIEW_BY_TOPIC);
	CHECK_TEXT(shown_order(), "a1 a2 a10 b0 ");
	note(2000, (struct answer){.up_s = 6});
	CHECK_TEXT(shown_order(), "a1 a2 a10 b0 ");
	view_release(&view);
}

TEST(numbers_are_short)
{
	char room[AMOUNT_ROOM];
	static const struct {
		double number;
		const char *count, *bytes, *time;
	} wants[] = {{-1, "-", "-", "-"}, {NAN, "-", "-", "-"}, {0, "0", "0 B", "0 s"},
		{0.25, "0.2", "0 B", "250 ms"}, {7.5, "7.5", "8 B", "7.5 s"},
		{999, "999", "999 B", "16m39s"}, {9999, "9999", "10.0 kB", "2h46m"},
		{12345, "12.3k", "12.3 kB", "3h25m"}, {999600, "1.00M", "1.00 MB", "11d13h"},
		{4.5e9, "4.50G", "4.50 GB", "52083d08h"}, {1e16, "10000T", "10000 TB", NULL}};

	for (size_t i = 0; i < sizeof wants / sizeof wants[0]; i++) {
		CHECK_TEXT(amount_count(room, wants[i].number), wants[i].count);
		CHECK_TEXT(amount_bytes(room, wants[i].number), wants[i].bytes);
		if (wants[i].time != NULL)
			CHECK_TEXT(amount_short_time(room, wants[i].number), wants[i].time);
	}
	CHECK_TEXT(amount_short_time(room, 0.000025), "25 us");
	CHECK_TEXT(amount_short_time(room, 0.0000003), "0.3 us");
	CHECK_TEXT(amount_short_time(room, 0.00125), "1.25 ms");
	CHECK_TEXT(amount_time(room, 59.9), "59s");
	CHECK_TEXT(amount_percent(room, 0.974), "97 %");
}

UNIT_MAIN
