#include "bruco/top/snapshot.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "bruco/monitor/printable_answer.h"

static const char *text_of(const json_t *object, const char *name)
{
	const char *value = json_string_value(json_object_get(object, name));

	return value != NULL ? value : "-";
}

static double number_of(const json_t *object, const char *name)
{
	return json_number_value(json_object_get(object, name));
}

static int64_t whole_of(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

/* -1 for null, and where the member is not there. */
static double number_or_none(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	return json_is_number(value) ? json_number_value(value) : -1;
}

static int64_t whole_or_none(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	return json_is_integer(value) ? json_integer_value(value) : -1;
}

static int64_t sum_of_members(const json_t *object)
{
	const json_t *value;
	const char *key;
	int64_t sum = 0;

	json_object_foreach((json_t *)object, key, value) sum += json_integer_value(value);
	return sum;
}

static void read_totals(struct snapshot *snapshot, const json_t *answer)
{
	const json_t *totals = json_object_get(answer, "totals");
	const json_t *handler = json_object_get(json_object_get(answer, "times"), "handler");

	snapshot->in = whole_of(totals, "in");
	snapshot->out = whole_of(totals, "out");
	snapshot->acknowledged = whole_of(totals, "acknowledged");
	snapshot->filtered = whole_of(totals, "filtered");
	snapshot->failed = sum_of_members(json_object_get(totals, "failed"));
	snapshot->skipped = whole_of(totals, "skipped");
	snapshot->dead_letters = whole_of(totals, "dead_letters");
	snapshot->retried = whole_of(totals, "retried");
	snapshot->restarts = sum_of_members(json_object_get(totals, "restarts"));
	snapshot->in_flight = whole_of(totals, "in_flight");
	snapshot->under_way = whole_of(totals, "under_way");
	snapshot->lag = whole_or_none(totals, "lag");
	snapshot->handler_count = whole_of(handler, "count");
	snapshot->handler_sum_s = number_of(handler, "sum_s");
}

static void read_stages(struct snapshot *snapshot, const json_t *list)
{
	snapshot->stages = mem_array(json_array_size(list) + 1, sizeof *snapshot->stages);
	snapshot->stage_count = json_array_size(list);
	for (size_t i = 0; i < snapshot->stage_count; i++) {
		const json_t *stage = json_array_get(list, i);

		snapshot->stages[i] = (struct snapshot_stage){.name = text_of(stage, "name"),
			.role = text_of(stage, "role"),
			.pid = whole_of(stage, "pid"),
			.ready = json_is_true(json_object_get(stage, "ready")),
			.up_s = number_of(stage, "up_s"),
			.cpu_s = number_of(stage, "cpu_s"),
			.memory = number_of(stage, "memory_bytes"),
			.starts = whole_of(stage, "starts")};
	}
}

static void read_lanes(struct snapshot *snapshot, const json_t *list)
{
	snapshot->lanes = mem_array(json_array_size(list) + 1, sizeof *snapshot->lanes);
	snapshot->lane_count = json_array_size(list);
	for (size_t i = 0; i < snapshot->lane_count; i++) {
		const json_t *lane = json_array_get(list, i);

		snapshot->lanes[i] = (struct snapshot_lane){.worker = whole_of(lane, "worker"),
			.run = text_of(lane, "run"),
			.state = text_of(lane, "state"),
			.seq = whole_of(lane, "seq"),
			.attempt = whole_of(lane, "attempt"),
			.for_s = number_of(lane, "for_s"),
			.in_hands = whole_of(lane, "in_hands"),
			.limit = whole_or_none(lane, "limit"),
			.window = number_of(lane, "window_bytes"),
			.window_limit = number_of(lane, "window_limit_bytes"),
			.rate = whole_of(lane, "rate")};
	}
}

static void read_partitions(struct snapshot *snapshot, const json_t *list)
{
	snapshot->partitions = mem_array(json_array_size(list) + 1, sizeof *snapshot->partitions);
	snapshot->partition_count = json_array_size(list);
	snapshot->lag_s = -1;
	for (size_t i = 0; i < snapshot->partition_count; i++) {
		const json_t *partition = json_array_get(list, i);
		double lag_s = number_or_none(partition, "lag_s");

		snapshot->partitions[i] =
			(struct snapshot_partition){.topic = text_of(partition, "topic"),
				.id = whole_of(partition, "partition"),
				.worker = whole_or_none(partition, "worker"),
				.position = whole_or_none(partition, "position"),
				.end = whole_or_none(partition, "end"),
				.lag = whole_or_none(partition, "lag"),
				.lag_s = lag_s,
				.paused = json_is_true(json_object_get(partition, "paused")),
				.state = text_of(partition, "state")};
		if (lag_s > snapshot->lag_s)
			snapshot->lag_s = lag_s;
	}
}

bool snapshot_read(struct snapshot *snapshot, const char *text, size_t length, char why[256])
{
	json_error_t error;
	json_t *answer = json_loadb(text, length, 0, &error);
	const char *refusal;

	printable_answer(PRINTABLE_TEXT, answer);
	refusal = json_string_value(json_object_get(answer, "error"));
	if (!json_is_object(answer) || refusal != NULL) {
		snprintf(why, 256, "%s", refusal != NULL ? refusal : "its answer is not JSON");
		json_decref(answer);
		return false;
	}
	snapshot_release(snapshot);
	snapshot->answer = answer;
	snapshot->name = text_of(answer, "name");
	snapshot->state = text_of(answer, "state");
	snapshot->up_s = number_of(answer, "up_s");
	snapshot->rate_limit = number_or_none(answer, "rate_limit");
	if (!json_is_true(json_object_get(answer, "ready")))
		snapshot->why = text_of(answer, "why");
	read_totals(snapshot, answer);
	read_stages(snapshot, json_object_get(answer, "stages"));
	read_lanes(snapshot, json_object_get(answer, "lanes"));
	read_partitions(snapshot, json_object_get(answer, "partitions"));
	return true;
}

void snapshot_release(struct snapshot *snapshot)
{
	json_decref(snapshot->answer);
	free(snapshot->stages);
	free(snapshot->lanes);
	free(snapshot->partitions);
	*snapshot = (struct snapshot){.lag = -1, .lag_s = -1};
}
