/* bruco reload: has a running pipeline read its configuration and its handler again. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/status.h"
#include "bruco/commands/commands.h"
#include "bruco/commands/steer.h"
#include "bruco/monitor/console_client.h"
#include "bruco/monitor/printable_answer.h"

enum { OPTION_WAIT = OPTION_OWN };

/* Keys that keep their old values. */
static void print_left(const json_t *answer)
{
	const json_t *paths = json_object_get(answer, "not_reloaded");

	for (size_t i = 0; i < json_array_size(paths); i++)
		log_warning("'%s' is not reloaded: that takes a new start",
			json_string_value(json_array_get(paths, i)));
}

static void print_answer(const json_t *answer)
{
	int64_t workers = json_integer_value(json_object_get(answer, "workers"));

	print_left(answer);
	if (json_is_true(json_object_get(answer, "handler_only")))
		log_info("the handler is read again, but not the configuration, which came from "
			 "standard input");
	if (log_level() < LEVEL_INFO)
		return;
	if (json_is_true(json_object_get(answer, "ended")))
		printf("reloaded: all %" PRId64 " workers are new\n", workers);
	else
		printf("reloaded: the first new worker is ready, %" PRId64 " in all will be new\n",
			workers);
}

int command_reload(const struct program *program, int argc, char **argv)
{
	static const struct option longs[] = {
		STEER_OPTIONS, {"wait", no_argument, NULL, OPTION_WAIT}, {0}};
	struct steer_options options = {0};
	struct console_link link;
	bool wait = false, answered = false;
	json_t *answer;
	char *name;
	int option;

	options_begin(program, argv);
	while ((option = options_next(argc, argv, STEER_LETTERS, longs)) != -1)
		if (!steer_option(program, &options, option) && option == OPTION_WAIT)
			wait = true;
	steer_path(program, "reload", &options, argc, argv);
	name = steer_name(program, &options);
	console_connect(&link, options.socket, name);
	console_send(&link, json_pack("{s:s, s:b}", "command", "reload", "wait", wait));
	while ((answer = console_receive(&link)) != NULL) {
		const char *log;

		printable_answer(PRINTABLE_LINES, answer);
		log = json_string_value(json_object_get(answer, "log"));
		if (log != NULL)
			fputs(log, stderr);
		else
			print_answer(answer);
		answered = answered || log == NULL;
		json_decref(answer);
	}
	if (!answered)
		console_gone(&link);
	console_disconnect(&link);
	free(name);
	return STATUS_OK;
}
