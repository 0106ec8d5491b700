#include "bruco/commands/steer.h"

#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "bruco/commands/origin.h"
#include "config/config.h"
#include "frame/limits.h"

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
		options->config = origin_path(program, NULL, command, options->config, argc, argv);
	else if (optind < argc || options->config != NULL)
		options_misuse(program, "%s takes a socket or a configuration, not both", command);
}

int steer_worker(const struct program *program, const char *command,
	const struct steer_options *options, int argc, char **argv)
{
	static const char prefix[] = "worker-";
	const char *word = optind < argc ? argv[optind] : NULL;
	int64_t number;

	if (options->socket != NULL && options->config != NULL)
		options_misuse(program, "%s takes a socket or a configuration, not both", command);
	if (word == NULL)
		return -1;
	if (optind + 1 < argc)
		options_misuse(program, "%s takes one worker, not '%s' too", command, argv[optind + 1]);
	if (strncmp(word, prefix, strlen(prefix)) != 0 ||
		!text_integer(word + strlen(prefix), 0, LIMIT_LANES - 1, &number))
		options_misuse(program, "'%s' is no worker: they are called worker-0 and so on", word);
	return (int)number;
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
	config_load(&config, origin_default_path(program, &config, options->config),
		SECTION_DRIVER, &notes);
	if (config.unreadable)
		die_plain(STATUS_CONFIG, "%.*s", notes.length > 0 ? (int)notes.length - 1 : 0,
			(const char *)notes.data);
	name = mem_text(config.name);
	buf_release(&notes);
	config_release(&config);
	return name;
}
