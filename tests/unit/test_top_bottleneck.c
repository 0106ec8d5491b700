/* Which part of a pipeline bruco top calls the bottleneck. */
#include "bruco/top/bottleneck.h"

#include <string.h>

#include "unit.h"

static struct snapshot_stage stages[4];
static struct snapshot_lane lanes[2];
static struct snapshot_partition partitions[3];
static struct snapshot snapshot;
static struct activity activity;
static char text[BOTTLENECK_TEXT];

/* Two workers that have nothing to do, three partitions at their ends. */
static void idle(void)
{
	static const char *const roles[] = {"source", "sink", "worker", "worker"};

	activity = (struct activity){.known = true};
	for (int i = 0; i < 4; i++) {
		stages[i] =
			(struct snapshot_stage){.name = roles[i], .role = roles[i], .pid = 10 + i};
		activity.stages[i].recent = 0.1;
	}
	for (int i = 0; i < 2; i++)
		lanes[i] = (struct snapshot_lane){.worker = i,
			.run = "idle",
			.state = "open",
			.limit = 100,
			.window_limit = 4e6};
	for (int i = 0; i < 3; i++)
		partitions[i] = (struct snapshot_partition){.topic = "orders",
			.id = i,
			.worker = i % 2,
			.position = 1000,
			.end = 1000,
			.state = "at the end"};
	snapshot = (struct snapshot){.name = "app",
		.state = "running",
		.rate_limit = -1,
		.stages = stages,
		.lanes = lanes,
		.partitions = partitions,
		.stage_count = 4,
		.lane_count = 2,
		.partition_count = 3};
}

/* Each partition has 5,000 records that the source has not taken. */
static void behind(void)
{
	idle();
	activity.in = 1000;
	snapshot.in_flight = 200;
	snapshot.lag = 15000;
	for (int i = 0; i < 3; i++) {
		partitions[i].end = 6000;
		partitions[i].lag = 5000;
		partitions[i].state = "moving";
	}
}

static void fill_lanes(double busy)
{
	for (int i = 0; i < 2; i++) {
		lanes[i].in_hands = 100;
		activity.running[i] = busy;
	}
}

static void judged(enum bottleneck want, const char *beginning)
{
	CHECK_INT(bottleneck_judge(&snapshot, &activity, text), want);
	if (strncmp(text, beginning, strlen(beginning)) != 0)
		unit_text(__FILE__, __LINE__, "text", text, beginning);
}

TEST(without_input_it_is_none)
{
	idle();
	judged(BOTTLENECK_INPUT, "no input: all records are done (lag 0)");
	snapshot.lag = -1; /* a source that has no partitions does not know it */
	snapshot.partition_count = 0;
	judged(BOTTLENECK_INPUT, "no input: all records are done");
	CHECK_TEXT(text, "no input: all records are done");
}

TEST(records_that_are_done_as_they_come_are_no_backlog)
{
	idle();
	activity.in = 1000;
	snapshot.in_flight = 20;
	snapshot.lag = 900; /* committed once a second */
	partitions[0].end += 300;
	lanes[0].in_hands = 20;
	judged(BOTTLENECK_INPUT, "no input: records are done as they come");
}

TEST(busy_workers_with_full_lanes_are_the_handler)
{
	behind();
	fill_lanes(0.98);
	judged(BOTTLENECK_HANDLER, "handler: 2 of 2 workers busy (98 % of the time), 2 lanes full");
	CHECK(strstr(text, "others") == NULL);
}

TEST(a_handler_that_computes_is_seen_by_its_processor_time)
{
	behind();
	fill_lanes(0); /* too short to be seen running */
	activity.stages[2].recent = activity.stages[3].recent = 0.95;
	judged(BOTTLENECK_HANDLER, "handler: 2 of 2 workers busy (95 % of the time)");
}

TEST(a_lane_is_full_by_bytes_too_and_when_a_partition_waits_for_it)
{
	behind();
	fill_lanes(0.9);
	lanes[0].in_hands = 3;
	lanes[0].window = 3e6;
	lanes[1].in_hands = 3;
	partitions[1].state = "waits for worker 1";
	judged(BOTTLENECK_HANDLER, "handler: 2 of 2 workers busy (90 % of the time), 2 lanes full");
	partitions[1].state = "waits for workers";
	partitions[1].worker = -1; /* ordering: none */
	lanes[0].window = 0;
	judged(BOTTLENECK_HANDLER, "handler: 2 of 2 workers busy (90 % of the time), 2 lanes full");
}

TEST(one_busy_worker_among_idle_ones_is_uneven_work)
{
	behind();
	fill_lanes(1);
	lanes[1].in_hands = 0;
	activity.running[1] = 0.1;
	judged(BOTTLENECK_HANDLER,
		"handler: 1 of 2 workers busy (100 % of the time), 1 lane full: the others have "
		"little to do");
}

TEST(idle_workers_with_full_lanes_wait_for_what_is_behind_them)
{
	behind();
	fill_lanes(0.1);
	snapshot.under_way = 150;
	judged(BOTTLENECK_BROKER, "sink's broker: 150 outputs wait for its acknowledgement");
	snapshot.under_way = 1; /* the sink can't give more to its broker */
	judged(BOTTLENECK_BROKER, "sink's broker: 1 output waits for its acknowledgement");
	snapshot.under_way = 0;
	judged(BOTTLENECK_SINK, "sink: it does not take the outputs of 200 records");
	activity.stages[1].recent = 0.96;
	judged(BOTTLENECK_SINK, "sink: it uses 96 % of a processor");
}

TEST(a_full_window_is_named_when_nobody_behind_it_is_slow)
{
	behind();
	for (int i = 0; i < 2; i++)
		lanes[i] = (struct snapshot_lane){.worker = i,
			.run = "idle",
			.state = "open",
			.in_hands = 2,
			.limit = 100,
			.window = 3e6,
			.window_limit = 4e6};
	snapshot.under_way = 20;
	judged(BOTTLENECK_WINDOW, "window: source.window is used up (6.0 of 8.0 MB)");
	snapshot.under_way = 180;
	judged(BOTTLENECK_BROKER, "sink's broker: 180 outputs");
}

TEST(a_lane_without_a_limit_is_full_by_bytes_alone)
{
	behind();
	fill_lanes(0.9);
	for (int i = 0; i < 2; i++)
		lanes[i].limit = -1;
	judged(BOTTLENECK_SOURCE, "source: ");
	lanes[0].window = lanes[1].window = 4e6;
	judged(BOTTLENECK_HANDLER, "handler: ");
}

TEST(workers_with_room_and_records_at_the_broker_are_the_source)
{
	behind();
	judged(BOTTLENECK_SOURCE, "source: workers have room, the broker gives it 1000 records/s");
	activity.stages[0].recent = 1.2;
	judged(BOTTLENECK_SOURCE, "source: it uses 120 % of a processor");
	snapshot.why = "no broker of the source has answered for 12 s";
	judged(BOTTLENECK_SOURCE, "source: no broker of the source has answered for 12 s");
}

TEST(a_limit_that_is_reached_is_named)
{
	behind();
	snapshot.rate_limit = 1000;
	judged(BOTTLENECK_LIMIT, "rateLimit: it lets 1000 records/s in, workers have room");
	activity.in = 300;
	judged(BOTTLENECK_SOURCE, "source: workers have room");
	snapshot.rate_limit = 0.5; /* one in two seconds */
	activity.in = 0;
	judged(BOTTLENECK_LIMIT, "rateLimit: it lets 0.5 records/s in, workers have room");
	fill_lanes(1);
	judged(BOTTLENECK_HANDLER, "handler: ");
}

TEST(paused_partitions_are_named_alone_and_beside_others)
{
	idle();
	partitions[2].paused = true;
	judged(BOTTLENECK_INPUT, "no input: all records are done (lag 0); 1 partition paused");
	partitions[2].lag = partitions[2].end = 70;
	snapshot.lag = 70;
	judged(BOTTLENECK_PAUSED, "paused: 1 of 3 partitions, with 70 records");
	behind();
	fill_lanes(1);
	partitions[0].paused = partitions[1].paused = true;
	judged(BOTTLENECK_HANDLER, "handler: ");
	CHECK(strstr(text, "; 2 partitions paused") != NULL);
}

TEST(what_a_paused_partition_has_is_no_work_for_the_source)
{
	behind();
	for (int i = 0; i < 3; i++)
		partitions[i].paused = true;
	snapshot.in_flight = 0;
	judged(BOTTLENECK_PAUSED, "paused: 3 of 3 partitions, with 15000 records");
}

TEST(a_worker_that_does_not_run_is_named)
{
	behind();
	lanes[1].state = "down";
	judged(BOTTLENECK_WORKER, "worker 1: it does not run");
	idle(); /* nothing waits for it */
	lanes[1].state = "down";
	judged(BOTTLENECK_INPUT, "no input");
}

TEST(a_pipeline_that_does_not_run_is_judged_by_its_state)
{
	behind();
	fill_lanes(1);
	snapshot.state = "draining";
	judged(BOTTLENECK_PIPELINE, "pipeline: draining");
}

TEST(one_answer_alone_is_not_enough)
{
	behind();
	activity.known = false;
	judged(BOTTLENECK_INPUT, "not known yet");
}

UNIT_MAIN
