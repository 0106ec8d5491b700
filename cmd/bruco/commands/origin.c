#include "bruco/commands/origin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "bruco/commands/packed.h"
#include "bruco/driver/origin_pass.h"
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
	case OPTION_ORIGIN:
		if (!origin_receive(config, options_descriptor(program, optarg)))
			options_misuse(program, "'%s' has no configuration", optarg);
		return true;
	default:
		return false;
	}
}

static void read_input(struct config *config)
{
	size_t length;
	char *text = fd_read_all(STDIN_FILENO, CONFIG_BYTES_MAX, &length);
	int null_fd;

	if (text != NULL)
		config_input(config, text, length);
	else
		die_plain(STATUS_CONFIG, "standard input: %s",
			errno == EFBIG ? "larger than 1 MiB" : strerror(errno));
	null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0)
		die(status_of_error(errno), "cannot close standard input: %s", strerror(errno));
	free(text);
	fd_close(&null_fd);
}

const char *origin_default_path(
	const struct program *program, struct config *config, const char *given)
{
	if (given != NULL && strcmp(given, "-") == 0 && config != NULL && config->input == NULL)
		read_input(config);
	if (given != NULL && is_packed(given))
		return packed_folder((char *)(uintptr_t)given);
	if (given != NULL)
		return given;
	if (access("config.yaml", F_OK) < 0)
		options_misuse(program, "no config.yaml here: name a file or a folder with -c");
	return "config.yaml";
}

const char *origin_path(const struct program *program, struct config *config, const char *command,
	const char *given, int argc, char **argv)
{
	if (argc - optind > (given == NULL ? 1 : 0))
		options_misuse(program, "%s takes one configuration, not '%s' too", command,
			argv[given == NULL ? optind + 1 : optind]);
	return origin_default_path(
		program, config, given == NULL && optind < argc ? argv[optind] : given);
}
