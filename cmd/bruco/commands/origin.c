#include "bruco/commands/origin.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "bruco/driver/overrides_pass.h"
#include "config/secrets.h"

/* Wipes a secret of the command line, which everybody can read in /proc. In lists and maps it is not
 * looked for: there may well be one. */
static void wipe_secret(char *assignment)
{
	char *value = strchr(assignment, '=') + 1;
	char *key = mem_text_n(assignment, (size_t)(value - 1 - assignment));
	char *masked = secret_mask(value, SECRET_IN_FILE, secret_name(key));

	if (masked != NULL || value[0] == '[' || value[0] == '{')
		memset(value, '*', strlen(value));
	free(masked);
	free(key);
}

bool origin_option(
	const struct program *program, struct config *config, const char **path, int option)
{
	if (options_common(program, option))
		return true;
	switch (option) {
	case 'c':
		*path = optarg;
		return true;
	case OPTION_SET:
		if (!config_override(config, optarg))
			options_misuse(program, "--set '%.*s' is not key=value",
				(int)strcspn(optarg, ": "), optarg);
		wipe_secret(optarg);
		return true;
	case OPTION_OVERRIDES:
		if (!overrides_receive(config, options_descriptor(program, optarg)))
			options_misuse(program, "'%s' has no overrides", optarg);
		return true;
	default:
		return false;
	}
}

const char *origin_default_path(const struct program *program, const char *given)
{
	if (given != NULL)
		return given;
	if (access("config.yaml", F_OK) < 0)
		options_misuse(program, "no config.yaml here: name a file or a folder with -c");
	return "config.yaml";
}

const char *origin_path(const struct program *program, const char *command, const char *given,
	int argc, char **argv)
{
	if (argc - optind > (given == NULL ? 1 : 0))
		options_misuse(program, "%s takes one configuration, not '%s' too", command,
			argv[given == NULL ? optind + 1 : optind]);
	if (given == NULL && optind < argc)
		return argv[optind];
	return origin_default_path(program, given);
}
