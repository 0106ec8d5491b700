/*
 * Which configuration a command is about: -c PATH, or an argument, or config.yaml in this folder; and
 * what --set lays over it.
 */
#ifndef BRUCO_COMMANDS_ORIGIN_H
#define BRUCO_COMMANDS_ORIGIN_H

#include <stdbool.h>

#include "base/options.h"
#include "config/config.h"

enum { OPTION_SET = OPTION_OWN + 48, OPTION_ORIGIN };

/* --origin is for a bruco that bruco starts (driver/origin_pass.h). */
#define ORIGIN_OPTIONS                                                                             \
	{"config", required_argument, NULL, 'c'}, {"set", required_argument, NULL, OPTION_SET},    \
	{                                                                                          \
		"origin", required_argument, NULL, OPTION_ORIGIN                             \
	}

/* Handles one of these options, as options_common does, which it calls. *path becomes -c's. False: it is
 * the command's own. */
bool origin_option(
	const struct program *program, struct config *config, const char **path, int option);

/* The configuration that -c gave, else config.yaml in this folder. Ends the program with a usage
 * error when neither is there. "-" is standard input, which is read into *config, and nothing is left
 * of it for those that are started; without `config` that is left to a second call. */
const char *origin_default_path(
	const struct program *program, struct config *config, const char *given);

/* The same, but the configuration may also be the one argument that getopt has left. */
const char *origin_path(const struct program *program, struct config *config, const char *command,
	const char *given, int argc, char **argv);

#endif
