/* bruco restart: a new process for one worker of a running pipeline. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/status.h"
#include "bruco/commands/commands.h"
#include "bruco/commands/steer.h"
#include "bruco/monitor/console_client.h"

enum { OPTION_NO_WAIT = OPTION_OWN };

int command_restart(const struct program *program, int argc, char **argv)
{
	static const struct option longs[] = {
		STEER_OPTIONS, {"no-wait", no_argument, NULL, OPTION_NO_WAIT}, {0}};
	struct steer_options options = {0};
	bool wait = true;
	json_t *answer;
	char *name;
	int option, worker;

	options_begin(program, argv);
	while ((option = options_next(argc, argv, STEER_LETTERS, longs)) != -1)
		if (!steer_option(program, &options, option) && option == OPTION_NO_WAIT)
			wait = false;
	worker = steer_worker(program, "restart", &options, argc, argv);
	if (worker < 0)
		options_misuse(program, "restart needs a worker, as worker-0");
	name = steer_name(program, &options);
	/* A new worker may take its time to start. */
	answer = console_ask(options.socket, name,
		json_pack("{s:s, s:i, s:b}", "command", "restart", "worker", worker, "wait", wait), 0);
	if (wait && log_level() >= LEVEL_INFO)
		printf("worker-%d is new: process %" PRId64 "\n", worker,
			(int64_t)json_integer_value(json_object_get(answer, "pid")));
	json_decref(answer);
	free(name);
	return STATUS_OK;
}
