/* bruco top: what a running pipeline does, as it changes. */
#include <stdlib.h>

#include "base/status.h"
#include "base/text.h"
#include "bruco/commands/commands.h"
#include "bruco/commands/steer.h"
#include "bruco/top/top.h"

enum { OPTION_INTERVAL = OPTION_OWN };

enum { INTERVAL_LEAST_MS = 100, INTERVAL_MOST_MS = 60000 };

int command_top(const struct program *program, int argc, char **argv)
{
	static const struct option longs[] = {
		STEER_OPTIONS, {"interval", required_argument, NULL, OPTION_INTERVAL}, {0}};
	struct steer_options options = {0};
	struct top_options top = {.interval_ms = 1000};
	char *name;
	int option, status;

	options_begin(program, argv);
	while ((option = options_next(argc, argv, STEER_LETTERS, longs)) != -1) {
		if (steer_option(program, &options, option))
			continue;
		if (option == OPTION_INTERVAL && (!text_duration(optarg, &top.interval_ms) ||
							 top.interval_ms < INTERVAL_LEAST_MS ||
							 top.interval_ms > INTERVAL_MOST_MS))
			options_misuse(program, "--interval takes 100ms to 60s, not '%s'", optarg);
	}
	steer_path(program, "top", &options, argc, argv);
	name = steer_name(program, &options);
	top.socket = options.socket;
	top.name = name;
	status = top_run(&top);
	free(name);
	return status;
}
