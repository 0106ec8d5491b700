/*
 * What the commands to a running pipeline have in common: which one is meant.
 */
#ifndef BRUCO_COMMANDS_STEER_H
#define BRUCO_COMMANDS_STEER_H

#include <stdbool.h>

#include "base/options.h"

/* -c PATH and --socket PATH. */
struct steer_options {
	const char *config; /* as given, or NULL */
	const char *socket;
};

enum { OPTION_SOCKET = OPTION_OWN + 32 };

#define STEER_LETTERS "c:qv"
#define STEER_OPTIONS                                                                              \
	OPTIONS_COMMON, {"config", required_argument, NULL, 'c'},                                  \
	{                                                                                          \
		"socket", required_argument, NULL, OPTION_SOCKET                                   \
	}

/* Handles one of these options, as options_common does. False: it is the command's own. */
bool steer_option(const struct program *program, struct steer_options *options, int option);

/* The configuration may also be the one argument that getopt has left. */
void steer_path(const struct program *program, const char *command, struct steer_options *options,
	int argc, char **argv);

/* The number of the worker that is the one argument, "worker-1"; -1 when there is none. Another argument
 * or more of them are usage errors. */
int steer_worker(const struct program *program, const char *command,
	const struct steer_options *options, int argc, char **argv);

/* The name of the pipeline that the configuration describes, which is read for that alone; NULL when
 * a socket was given. The caller frees it. Ends the program when there is no configuration. */
char *steer_name(const struct program *program, const struct steer_options *options);

#endif
