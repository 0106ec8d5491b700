/*
 * The answer to "status" as plain values, those that bruco-status(5) documents, so that what is
 * judged and drawn knows no JSON. What the answer does not have is 0, or what is said here. All
 * texts belong to the answer and last as long as it.
 */
#ifndef BRUCO_TOP_SNAPSHOT_H
#define BRUCO_TOP_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct snapshot_stage {
	const char *name;
	const char *role; /* source, sink, worker */
	int64_t pid;      /* 0: it does not run */
	bool ready;
	double up_s;
	double cpu_s;
	double memory; /* bytes */
	int64_t starts;
};

/* A worker and its lane. */
struct snapshot_lane {
	int64_t worker;
	const char *run;   /* idle, running, writing, together */
	const char *state; /* open, waiting, down, gone; "-": the source has not said it */
	int64_t seq;       /* of the event that runs */
	int64_t attempt;   /* from 0 */
	double for_s;
	int64_t in_hands; /* records */
	int64_t limit;    /* of them; -1: none */
	double window;    /* bytes */
	double window_limit;
	int64_t rate; /* records a second */
};

struct snapshot_partition {
	const char *topic;
	int64_t id;
	int64_t worker;   /* -1: any */
	int64_t position; /* -1: not known, here and below */
	int64_t end;
	int64_t lag;
	double lag_s;
	bool paused;
	const char *state;
};

struct snapshot {
	struct json_t *answer; /* owns the texts; NULL: nothing was read yet */
	const char *name;
	const char *state; /* running, ... */
	const char *why;   /* it is not ready; NULL: it is */
	double up_s;
	double rate_limit; /* records a second; -1: none */

	/* since the pipeline began */
	int64_t in, out, acknowledged, filtered, failed, skipped, dead_letters, retried, restarts;
	int64_t handler_count; /* calls that were timed */
	double handler_sum_s;
	/* now */
	int64_t in_flight, under_way;
	int64_t lag;  /* -1: not known */
	double lag_s; /* the most of a partition; -1: not known */

	struct snapshot_stage *stages;
	struct snapshot_lane *lanes;
	struct snapshot_partition *partitions;
	size_t stage_count, lane_count, partition_count;
};

/* Reads an answer in place of what was there. False, with the reason in `why`: it is none, and
 * `snapshot` is as before. */
bool snapshot_read(struct snapshot *snapshot, const char *text, size_t length, char why[256]);
void snapshot_release(struct snapshot *snapshot);

#endif
