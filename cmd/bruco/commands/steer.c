#include "bruco/commands/steer.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "bruco/commands/check.h"
#include "config/config.h"

bool steer_option(const struct program *program, struct steer_options *options, int option)
{
	if (options_common(program, option))
		return true;
	if (option == 'c')
		options->config = optarg;
	else if (option == OPTION_SOCKET)
		options->socket = optarg;
	return option == 'c' || option == OPTION_SOCKET;
}

void steer_path(const struct program *program, const char *command, struct steer_options *options,
	int argc, char **argv)
{
	if (options->socket == NULL)
		options->config = check_path(program, command, options->config, argc, argv);
	else if (optind < argc || options->config != NULL)
		options_misuse(program, "%s takes a socket or a configuration, not both", command);
}

char *steer_name(const struct program *program, const struct steer_options *options)
{
	struct buf notes = {0};
	struct config config;
	char *name;

	if (options->socket != NULL)
		return NULL;
	config_init(&config);
	/* What it says of stages does not matter here, so that no secret has to be there. */
	config_load(&config, check_default_path(program, options->config), SECTION_DRIVER, &notes);
	if (config.unreadable)
		die_plain(STATUS_CONFIG, "%.*s", notes.length > 0 ? (int)notes.length - 1 : 0,
			(const char *)notes.data);
	name = mem_text(config.name);
	buf_release(&notes);
	config_release(&config);
	return name;
}
