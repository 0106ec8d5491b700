/* bruco stack: what the Python code of a running pipeline's workers is doing. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "bruco/commands/commands.h"
#include "bruco/commands/steer.h"
#include "bruco/monitor/console_client.h"
#include "bruco/monitor/printable_answer.h"
#include "frame/limits.h"

static const char *member(const json_t *answer, const char *name)
{
	const char *text = json_string_value(json_object_get(answer, name));

	return text == NULL ? "" : text;
}

/* "worker-1 (process 123): event 45 for 6.7 s" */
static void print_heading(const json_t *answer)
{
	const json_t *pid = json_object_get(answer, "pid"), *seq = json_object_get(answer, "seq");

	printf("%s", member(answer, "worker"));
	if (pid != NULL)
		printf(" (process %" PRId64 "): %s", (int64_t)json_integer_value(pid),
			member(answer, "run"));
	if (seq != NULL)
		printf(" event %" PRId64 " for %.1f s%s", (int64_t)json_integer_value(seq),
			json_number_value(json_object_get(answer, "for_s")),
			json_integer_value(json_object_get(answer, "attempt")) > 0
				? ", not its first attempt"
				: "");
	printf("\n");
}

static void print_worker(json_t *answer)
{
	printable_answer(PRINTABLE_LINES, answer);
	print_heading(answer);
	printf("%s", member(answer, "text"));
	if (*member(answer, "note") != '\0')
		printf("(%s)\n", member(answer, "note"));
}

/* Prints the answers in the order of the workers, and takes them over. */
static void print_all(json_t **answers)
{
	bool first = true;

	for (int i = 0; i < LIMIT_LANES; i++) {
		if (answers[i] == NULL)
			continue;
		if (!first)
			printf("\n");
		print_worker(answers[i]);
		json_decref(answers[i]);
		first = false;
	}
}

/* Asks for one worker, or with -1 for all. */
static void ask(const char *socket, const char *name, int worker)
{
	json_t *answers[LIMIT_LANES] = {NULL}, *answer;
	json_t *request = json_pack("{s:s}", "command", "stack");
	struct console_link link;
	size_t count = 0;

	if (worker >= 0)
		json_object_set_new(request, "worker", json_integer(worker));
	console_connect(&link, socket, name);
	console_send(&link, request);
	for (; (answer = console_receive(&link)) != NULL; count++) {
		json_int_t number = json_integer_value(json_object_get(answer, "number"));

		if (number < 0 || number >= LIMIT_LANES || answers[number] != NULL)
			json_decref(answer);
		else
			answers[number] = answer;
	}
	if (count == 0)
		console_gone(&link);
	console_disconnect(&link);
	print_all(answers);
}

int command_stack(const struct program *program, int argc, char **argv)
{
	static const struct option longs[] = {STEER_OPTIONS, {0}};
	struct steer_options options = {0};
	char *name;
	int option, worker;

	options_begin(program, argv);
	while ((option = options_next(argc, argv, STEER_LETTERS, longs)) != -1)
		steer_option(program, &options, option);
	worker = steer_worker(program, "stack", &options, argc, argv);
	name = steer_name(program, &options);
	ask(options.socket, name, worker);
	free(name);
	return STATUS_OK;
}
