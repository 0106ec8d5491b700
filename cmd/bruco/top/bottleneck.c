/*
 * The chain is source, lane, worker, sink, broker, and each of them holds up those in front of it
 * when it is full. So the slowest is the last that is busy: what stands behind it is idle, and what
 * stands in front of it is full.
 */
#include "bruco/top/bottleneck.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* Of a processor: a stage does its work in one thread, its client does some in others. */
static const double CPU_FULL = 0.9;
static const double BUSY = 0.5; /* below: a worker waits more than it works */
/* Of what a lane may have. The source waits until half of it is done, and there is no shortage as
 * long. */
static const double LANE_FULL = 0.5;
static const double LIMIT_REACHED = 0.7; /* of it in the time between two looks */
static const double SOON_S = 1; /* work of that long is no backlog */

struct facts {
	int64_t paused, paused_lag;   /* partitions, records */
	int64_t not_taken;            /* records that the source has not taken yet, of the others */
	bool any_waits;               /* a partition waits for any worker */
	bool waits[ACTIVITY_WORKERS]; /* one waits for this worker */
	size_t down;                  /* lanes without a running worker */
	int64_t down_worker;          /* one of them */
	size_t full, full_of_bytes;   /* lanes: all that take no more, and those that have too many
					 bytes */
	size_t busy;                  /* workers */
	double busy_full,
		busy_others; /* mean of the workers of full lanes, and of the others; 0 to 1 */
	double window, window_limit; /* bytes of full lanes */
};

static void look_at_partitions(struct facts *facts, const struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->partition_count; i++) {
		const struct snapshot_partition *partition = &snapshot->partitions[i];

		if (partition->paused) {
			facts->paused++;
			facts->paused_lag += partition->lag > 0 ? partition->lag : 0;
			continue;
		}
		if (partition->position >= 0 && partition->end > partition->position)
			facts->not_taken += partition->end - partition->position;
		if (strncmp(partition->state, "waits", 5) != 0)
			continue;
		if (partition->worker < 0)
			facts->any_waits = true;
		else if (partition->worker < ACTIVITY_WORKERS)
			facts->waits[partition->worker] = true;
	}
}

static bool full_of_records(const struct snapshot_lane *lane)
{
	return lane->limit > 0 && (double)lane->in_hands >= LANE_FULL * (double)lane->limit;
}

static bool full_of_bytes(const struct snapshot_lane *lane)
{
	return lane->window_limit > 0 && lane->window >= LANE_FULL * lane->window_limit;
}

static void look_at_lanes(
	struct facts *facts, const struct snapshot *snapshot, const struct activity *activity)
{
	double full = 0, others = 0;

	for (size_t i = 0; i < snapshot->lane_count; i++) {
		const struct snapshot_lane *lane = &snapshot->lanes[i];
		double busy = activity_busy(activity, snapshot, i);

		facts->busy += busy >= BUSY;
		if (strcmp(lane->state, "open") != 0 && strcmp(lane->state, "-") != 0) {
			facts->down++;
			facts->down_worker = lane->worker;
		}
		if (!full_of_records(lane) && !full_of_bytes(lane) && !facts->any_waits &&
			!facts->waits[(uint64_t)lane->worker % ACTIVITY_WORKERS]) {
			others += busy;
			continue;
		}
		full += busy;
		facts->full++;
		facts->full_of_bytes += !full_of_records(lane) && full_of_bytes(lane);
		facts->window += lane->window;
		facts->window_limit += lane->window_limit;
	}
	facts->busy_full = facts->full == 0 ? 0 : full / (double)facts->full;
	if (facts->full < snapshot->lane_count)
		facts->busy_others = others / (double)(snapshot->lane_count - facts->full);
}

static enum bottleneck say(char text[BOTTLENECK_TEXT], enum bottleneck verdict, const char *format,
	...) __attribute__((format(printf, 3, 4)));

static enum bottleneck say(
	char text[BOTTLENECK_TEXT], enum bottleneck verdict, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, BOTTLENECK_TEXT, format, arguments);
	va_end(arguments);
	return verdict;
}

static double percent(double share)
{
	return 100 * share;
}

/* Of a low limit a second says nothing. */
static bool is_limited(const struct snapshot *snapshot, const struct activity *activity)
{
	double limit = snapshot->rate_limit;

	return limit > 0 && (limit < 5 || activity->in >= LIMIT_REACHED * limit);
}

/* Workers have room. */
static enum bottleneck judge_source(const struct facts *facts, const struct snapshot *snapshot,
	const struct activity *activity, char text[BOTTLENECK_TEXT])
{
	double cpu = activity_cpu(activity, snapshot, "source");

	if ((double)facts->not_taken <= SOON_S * activity->in)
		return say(text, BOTTLENECK_INPUT, "no input: records are done as they come");
	if (is_limited(snapshot, activity))
		return say(text, BOTTLENECK_LIMIT,
			"rateLimit: it lets %g records/s in, workers have room",
			snapshot->rate_limit);
	if (cpu >= CPU_FULL)
		return say(text, BOTTLENECK_SOURCE,
			"source: it uses %.0f %% of a processor, workers have room", percent(cpu));
	return say(text, BOTTLENECK_SOURCE,
		"source: workers have room, the broker gives it %.0f records/s", activity->in);
}

/* Lanes are full, and their workers are busy. */
static enum bottleneck judge_handler(
	const struct facts *facts, const struct snapshot *snapshot, char text[BOTTLENECK_TEXT])
{
	bool uneven = facts->full < snapshot->lane_count && facts->busy_others < BUSY;

	return say(text, BOTTLENECK_HANDLER,
		"handler: %zu of %zu worker%s busy (%.0f %% of the time), %zu lane%s full%s",
		facts->busy, snapshot->lane_count, PLURAL(snapshot->lane_count),
		percent(facts->busy_full), facts->full, PLURAL(facts->full),
		uneven ? ": the others have little to do" : "");
}

/* Lanes are full, and their workers are idle. */
static enum bottleneck judge_behind(const struct facts *facts, const struct snapshot *snapshot,
	const struct activity *activity, char text[BOTTLENECK_TEXT])
{
	double cpu = activity_cpu(activity, snapshot, "sink");

	if (cpu >= CPU_FULL)
		return say(text, BOTTLENECK_SINK,
			"sink: it uses %.0f %% of a processor, workers wait for it", percent(cpu));
	if (facts->full_of_bytes == facts->full && 2 * snapshot->under_way < snapshot->in_flight)
		return say(text, BOTTLENECK_WINDOW,
			"window: source.window is used up (%.1f of %.1f MB), workers wait",
			facts->window / 1e6, facts->window_limit / 1e6);
	/* A sink that takes no more, and does not work, waits itself. */
	if (snapshot->under_way > 0)
		return say(text, BOTTLENECK_BROKER,
			"sink's broker: %" PRId64 " output%s for its acknowledgement, workers wait",
			snapshot->under_way, snapshot->under_way == 1 ? " waits" : "s wait");
	return say(text, BOTTLENECK_SINK,
		"sink: it does not take the outputs of %" PRId64 " records, workers wait",
		snapshot->in_flight);
}

static enum bottleneck judge_flow(const struct facts *facts, const struct snapshot *snapshot,
	const struct activity *activity, char text[BOTTLENECK_TEXT])
{
	if (snapshot->in_flight == 0 && facts->not_taken == 0 && facts->paused_lag > 0)
		return say(text, BOTTLENECK_PAUSED,
			"paused: %" PRId64 " of %zu partitions, with %" PRId64 " records",
			facts->paused, snapshot->partition_count, facts->paused_lag);
	if (snapshot->in_flight == 0 && facts->not_taken == 0)
		return say(text, BOTTLENECK_INPUT, "no input: all records are done%s",
			snapshot->lag == 0 ? " (lag 0)" : "");
	if (facts->down > 0)
		return say(text, BOTTLENECK_WORKER,
			"worker %" PRId64 ": it does not run, its records wait%s",
			facts->down_worker, facts->down > 1 ? ", and it is not the only one" : "");
	if (!activity->known)
		return say(text, BOTTLENECK_INPUT, "not known yet");
	if (facts->full == 0)
		return judge_source(facts, snapshot, activity, text);
	if (facts->busy_full >= BUSY)
		return judge_handler(facts, snapshot, text);
	return judge_behind(facts, snapshot, activity, text);
}

enum bottleneck bottleneck_judge(const struct snapshot *snapshot, const struct activity *activity,
	char text[BOTTLENECK_TEXT])
{
	struct facts facts = {0};
	enum bottleneck verdict;
	size_t length;

	if (strcmp(snapshot->state, "running") != 0)
		return say(text, BOTTLENECK_PIPELINE, "pipeline: %s", snapshot->state);
	look_at_partitions(&facts, snapshot);
	look_at_lanes(&facts, snapshot, activity);
	verdict = judge_flow(&facts, snapshot, activity, text);
	if (verdict == BOTTLENECK_SOURCE && snapshot->why != NULL)
		say(text, BOTTLENECK_SOURCE, "source: %s", snapshot->why);
	length = strlen(text);
	if (facts.paused > 0 && verdict != BOTTLENECK_PAUSED)
		snprintf(text + length, BOTTLENECK_TEXT - length,
			"; %" PRId64 " partition%s paused", facts.paused, PLURAL(facts.paused));
	return verdict;
}
