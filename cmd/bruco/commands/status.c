/* bruco status: what a running pipeline does now, as a table or as JSON. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "bruco/commands/commands.h"
#include "bruco/commands/steer.h"
#include "bruco/monitor/amounts.h"
#include "bruco/monitor/console_client.h"
#include "bruco/monitor/printable_answer.h"

enum { OPTION_JSON = OPTION_OWN };

static int64_t whole(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

static const char *text(const json_t *object, const char *name)
{
	const char *value = json_string_value(json_object_get(object, name));

	return value != NULL ? value : "-";
}

static double number(const json_t *object, const char *name)
{
	return json_number_value(json_object_get(object, name));
}

/* A number, or "-" where it is not known. */
static const char *known(char room[24], const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	if (!json_is_number(value))
		return "-";
	snprintf(room, 24, "%.*f", json_is_integer(value) ? 0 : 1, json_number_value(value));
	return room;
}

static void print_stages(const json_t *status)
{
	const json_t *stage;
	size_t i;
	char room[AMOUNT_ROOM];

	printf("\n%-16s  %8s  %8s  %8s  %8s  %7s  %s\n", "STAGE", "PID", "UP", "CPU s", "MEMORY",
		"STARTS", "STATE");
	json_array_foreach(json_object_get(status, "stages"), i, stage)
	{
		char pid[24];

		printf("%-16s  %8s  %8s  %8.1f  %5.0f MB  %7" PRId64 "  %s\n", text(stage, "name"),
			known(pid, stage, "pid"), amount_time(room, number(stage, "up_s")),
			number(stage, "cpu_s"), number(stage, "memory_bytes") / 1e6,
			whole(stage, "starts"),
			json_is_true(json_object_get(stage, "ready"))   ? "ready"
			: json_is_null(json_object_get(stage, "pid")) ? "not running"
								       : "starting");
	}
}

static void print_lanes(const json_t *status)
{
	const json_t *lane;
	size_t i;

	printf("\n%-8s  %-9s  %9s  %9s  %9s  %s\n", "WORKER", "LANE", "IN HANDS", "LIMIT", "RATE /s",
		"NOW");
	json_array_foreach(json_object_get(status, "lanes"), i, lane)
	{
		char in_hands[24], limit[24], rate[24], now[96] = "idle";

		if (strcmp(text(lane, "run"), "idle") != 0)
			snprintf(now, sizeof now, "%s event %" PRId64 " for %.1f s%s",
				text(lane, "run"), whole(lane, "seq"), number(lane, "for_s"),
				whole(lane, "attempt") > 0 ? ", not its first attempt" : "");
		printf("%-8" PRId64 "  %-9s  %9s  %9s  %9s  %s\n", whole(lane, "worker"),
			text(lane, "state"), known(in_hands, lane, "in_hands"),
			known(limit, lane, "limit"), known(rate, lane, "rate"), now);
	}
}

static int longest_topic(const json_t *partitions)
{
	const json_t *partition;
	size_t i, most = 5;

	json_array_foreach(partitions, i, partition)
	{
		size_t length = strlen(text(partition, "topic"));

		most = length > most ? length : most;
	}
	return (int)most;
}

static void print_partitions(const json_t *status)
{
	const json_t *partitions = json_object_get(status, "partitions"), *partition;
	int width = longest_topic(partitions);
	size_t i;

	if (json_array_size(partitions) == 0)
		return;
	printf("\n%-*s  %9s  %6s  %12s  %12s  %12s  %10s  %8s  %s\n", width, "TOPIC", "PARTITION",
		"WORKER", "COMMITTED", "POSITION", "END", "LAG", "LAG s", "STATE");
	json_array_foreach(partitions, i, partition)
	{
		char worker[24], committed[24], position[24], end[24], lag[24], seconds[24];

		printf("%-*s  %9" PRId64 "  %6s  %12s  %12s  %12s  %10s  %8s  %s\n", width,
			text(partition, "topic"), whole(partition, "partition"),
			known(worker, partition, "worker"),
			known(committed, partition, "committed"),
			known(position, partition, "position"), known(end, partition, "end"),
			known(lag, partition, "lag"), known(seconds, partition, "lag_s"),
			text(partition, "state"));
	}
}

/* Of an object's numbers. */
static int64_t sum(json_t *object)
{
	const json_t *value;
	const char *key;
	int64_t all = 0;

	json_object_foreach(object, key, value)
		all += json_integer_value(value);
	return all;
}

static void print_totals(const json_t *status)
{
	const json_t *totals = json_object_get(status, "totals");
	const json_t *times = json_object_get(status, "times");
	static const char *const names[] = {"in", "out", "filtered", "skipped", "dead_letters",
		"retried", "resent", "in_flight", "rebalances", NULL};
	int64_t failed, restarts;

	failed = sum(json_object_get(totals, "failed"));
	restarts = sum(json_object_get(totals, "restarts"));
	printf("\n");
	for (size_t i = 0; names[i] != NULL; i++)
		printf("%s%s %" PRId64, i > 0 ? ", " : "", names[i], whole(totals, names[i]));
	printf(", failed %" PRId64 ", restarts %" PRId64 "\n", failed, restarts);
	for (int i = 0; i < 2; i++) {
		const json_t *time = json_object_get(times, i == 0 ? "handler" : "way");

		if (whole(time, "count") > 0)
			printf("%s: half within %g ms, 99 of 100 within %g ms (%" PRId64
			       " timed)\n",
				i == 0 ? "handler" : "from source to acknowledgement",
				number(time, "p50_s") * 1000, number(time, "p99_s") * 1000,
				whole(time, "count"));
	}
}

static void print_table(json_t *status)
{
	char room[AMOUNT_ROOM];

	printable_answer(PRINTABLE_TEXT, status);
	printf("%s: %s for %s, %s", text(status, "name"), text(status, "state"),
		amount_time(room, number(status, "up_s")),
		json_is_true(json_object_get(status, "ready")) ? "ready" : "not ready");
	if (!json_is_null(json_object_get(status, "why")))
		printf(": %s", text(status, "why"));
	printf("\n");
	print_stages(status);
	print_lanes(status);
	print_partitions(status);
	print_totals(status);
}

int command_status(const struct program *program, int argc, char **argv)
{
	static const struct option longs[] = {
		STEER_OPTIONS, {"json", no_argument, NULL, OPTION_JSON}, {0}};
	struct steer_options options = {0};
	bool as_json = false;
	char *name;
	json_t *status;
	int option;

	options_begin(program, argv);
	while ((option = options_next(argc, argv, STEER_LETTERS, longs)) != -1) {
		if (steer_option(program, &options, option))
			continue;
		if (option == OPTION_JSON)
			as_json = true;
	}
	steer_path(program, "status", &options, argc, argv);
	name = steer_name(program, &options);
	status = console_ask(options.socket, name, json_pack("{s:s}", "command", "status"),
		CONSOLE_ANSWER_S);
	if (as_json) {
		json_dumpf(status, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER | JSON_ENSURE_ASCII);
		printf("\n");
	} else {
		print_table(status);
	}
	json_decref(status);
	free(name);
	return STATUS_OK;
}
