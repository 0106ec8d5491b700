/* bruco pause, bruco resume: whether a running pipeline takes records. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "bruco/commands/commands.h"
#include "bruco/commands/steer.h"
#include "bruco/monitor/console_client.h"
#include "bruco/monitor/printable_answer.h"

/* "orders" or "orders:3" into the request. */
static void add_place(const struct program *program, json_t *request, const char *text)
{
	const char *colon = strchr(text, ':');
	char *topic = mem_text(text);
	int64_t partition;

	if (colon != NULL) {
		topic[colon - text] = '\0';
		if (!text_integer(colon + 1, 0, INT32_MAX, &partition))
			options_misuse(program, "'%s' is neither a topic nor TOPIC:PARTITION", text);
		json_object_set_new(request, "partition", json_integer(partition));
	}
	if (topic[0] == '\0')
		options_misuse(program, "'%s' names no topic", text);
	if (json_object_set_new(request, "topic", json_string(topic)) < 0)
		options_misuse(program, "the topic's name is not UTF-8");
	free(topic);
}

static void print_answer(json_t *answer, const char *place, bool pause)
{
	const json_t *partitions = json_object_get(answer, "partitions"), *partition;
	size_t i;

	printable_answer(PRINTABLE_TEXT, answer);
	if (json_array_size(partitions) == 0)
		printf("%s%s%s; %s\n", pause ? "paused" : "resumed", place == NULL ? "" : " ",
			place == NULL ? "" : place,
			json_is_true(json_object_get(answer, "running"))
				? "no partition is assigned to this pipeline now"
				: "the source does not run now and will hear of it");
	json_array_foreach(partitions, i, partition)
	{
		printf("%s %s[%lld]\n", pause ? "paused" : "resumed",
			json_string_value(json_object_get(partition, "topic")),
			json_integer_value(json_object_get(partition, "partition")));
	}
}

static int pause_or_resume(const struct program *program, bool pause, int argc, char **argv)
{
	static const struct option longs[] = {STEER_OPTIONS, {0}};
	struct steer_options options = {0};
	const char *place = NULL;
	json_t *request, *answer;
	char *name;
	int option;

	options_begin(program, argv);
	while ((option = options_next(argc, argv, STEER_LETTERS, longs)) != -1)
		steer_option(program, &options, option);
	request = json_pack("{s:s}", "command", pause ? "pause" : "resume");
	if (optind < argc) {
		place = argv[optind++];
		add_place(program, request, place);
	}
	steer_path(program, argv[0], &options, argc, argv);
	name = steer_name(program, &options);
	answer = console_ask(options.socket, name, request, CONSOLE_ANSWER_S);
	print_answer(answer, place, pause);
	json_decref(answer);
	free(name);
	return STATUS_OK;
}

int command_pause(const struct program *program, int argc, char **argv)
{
	return pause_or_resume(program, true, argc, argv);
}

int command_resume(const struct program *program, int argc, char **argv)
{
	return pause_or_resume(program, false, argc, argv);
}
