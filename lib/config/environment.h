/*
 * The variables that the programs of a pipeline inherit: with isolation, those of a list and of
 * processor.inheritEnv; with `none`, all. Never for workers and pip: variables that the configuration
 * names in its source or sink. bruco-internals(7) shows the lists.
 */
#ifndef CONFIG_ENVIRONMENT_H
#define CONFIG_ENVIRONMENT_H

#include "base/user.h"
#include "config/config.h"

enum environment_of {
	ENVIRONMENT_WORKER, /* with processor.env */
	ENVIRONMENT_CLIENT, /* source and sink; the configuration that they get is resolved */
	ENVIRONMENT_PIP     /* pip, what it builds, and what makes its folder */
};

/* NULL-terminated, for execve(2). `venv`: the handler's virtual environment, for workers; or NULL. */
char **environment_make(const struct config *config, enum environment_of whose, const char *venv);
/* Sets a variable of the list anew. */
void environment_set(char ***list, const char *name, const char *value);
/* Sets HOME, USER and LOGNAME as a login of that user would, but for what `env` has set; NULL: nothing. */
void environment_set_user(
	char ***list, const struct settings *env, const struct user *user);
/* Of a program that a source or sink runs: this process's, without variables that the configuration names in
 * its source or sink, and with `env`. */
char **environment_of_program(const struct config *config, const struct settings *env);
/* Sets these variables in this process. */
void environment_export(const struct settings *env);
void environment_free(char **list); /* NULL: nothing */

#endif
