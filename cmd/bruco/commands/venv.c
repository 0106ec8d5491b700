/* bruco venv: installs a handler's list of packages and prints the folder of the environment. */
#include "bruco/commands/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/signals.h"
#include "base/status.h"
#include "bruco/commands/check.h"
#include "bruco/commands/origin.h"
#include "bruco/venv/venv.h"

int command_venv(const struct program *program, int argc, char **argv)
{
	static const struct option longs[] = {OPTIONS_COMMON, ORIGIN_OPTIONS, {0}};
	const char *given = NULL;
	struct config config;
	char *venv = NULL;
	int signal_fd, option, status;

	config_init(&config);
	options_begin(program, argv);
	while ((option = options_next(argc, argv, "c:qv", longs)) != -1)
		origin_option(program, &config, &given, option);
	status = check_processor(&config, origin_path(program, &config, "venv", given, argc, argv)) > 0
			 ? STATUS_CONFIG
			 : STATUS_OK;
	signal_fd = signals_init(1);
	if (status == STATUS_OK)
		status = venv_prepare(&config, signal_fd, &venv);
	if (status == STATUS_OK && (venv != NULL || config.processor.python != NULL))
		puts(venv != NULL ? venv : config.processor.python);
	else if (status == STATUS_OK)
		log_info(
			"no environment is needed: there is no list of packages");
	fd_close(&signal_fd);
	free(venv);
	config_release(&config);
	return status;
}
