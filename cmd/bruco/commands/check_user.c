#include "bruco/commands/check_user.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/self.h"
#include "base/user.h"
#include "bruco/driver/process.h"
#include "config/package_list.h"
#include "config/python.h"
#include "config/types/values.h"

struct access {
	const struct config *config;
	struct diagnostics *diagnostics;
	struct user user;
};

static bool may(const char *path, int what)
{
	return faccessat(AT_FDCWD, path, what, AT_EACCESS) == 0;
}

/* What reading the path takes: of folders and programs more than of other files. */
static int needed(const char *path)
{
	struct stat info;

	return stat(path, &info) == 0 && (S_ISDIR(info.st_mode) || (info.st_mode & 0111) != 0)
		       ? R_OK | X_OK
		       : R_OK;
}

/* The first part of the way that refuses who runs this now; NULL: none does. The caller frees it. */
static char *find_refusing(const char *path, int what)
{
	char *copy = mem_text(path);

	for (char *slash = strchr(copy + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (!may(copy, X_OK))
			return copy;
		*slash = '/';
	}
	if (!may(copy, what))
		return copy;
	free(copy);
	return NULL;
}

/* Whether the user can read it; else says what refuses. */
static bool check_readable(const struct access *access, const char *path)
{
	char *real = realpath(path, NULL), *refusing; /* as root, who sees where links lead */
	int what = real == NULL ? 0 : needed(real);

	if (real == NULL) /* others say that it is not there */
		return true;
	user_begin(&access->user);
	refusing = find_refusing(real, what);
	if (refusing == NULL)
		refusing = find_refusing(path, what);
	user_end();
	if (refusing != NULL && (strcmp(refusing, real) == 0 || strcmp(refusing, path) == 0))
		diag_error(access->diagnostics, access->config->processor.user_place,
			"processor.user: '%s' can't read '%s', which workers need", access->user.name,
			path);
	else if (refusing != NULL)
		diag_error(access->diagnostics, access->config->processor.user_place,
			"processor.user: '%s' can't enter '%s', on the way to '%s', which workers need",
			access->user.name, refusing, path);
	free(real);
	if (refusing == NULL)
		return true;
	free(refusing);
	return false;
}

/* The module's file, if it is one: the folder may be readable and the file not. */
static char *module_file(const struct processor_config *processor)
{
	char *name = mem_text(processor->module_name), *path;

	for (char *dot = name; (dot = strchr(dot, '.')) != NULL;)
		*dot = '/';
	path = mem_printf("%s/%s.py", processor->handler_path, name);
	free(name);
	return path;
}

static void check_needed(const struct access *access)
{
	const struct config *config = access->config;
	char *program = launch_program("bruco-worker");
	char *module = module_file(&config->processor);
	char *package = self_beside("../lib/bruco/python");
	struct texts files = {0};
	bool good = true;

	wall_own_files(&files, config, NULL, program);
	if (package != NULL)
		texts_add(&files, package);
	texts_add(&files, python_own());
	texts_add(&files, module);
	for (size_t i = 0; package_list_files[i] != NULL; i++) {
		char *list = mem_printf("%s/%s", config->processor.handler_path, package_list_files[i]);

		texts_add(&files, list);
		free(list);
	}
	if (config->processor.isolation == ISOLATION_STRICT)
		texts_add(&files, wall_temporary_folder());
	for (size_t i = 0; good && i < files.count; i++)
		good = check_readable(access, files.items[i]);
	texts_release(&files);
	free(package);
	free(module);
	free(program);
}

/* Warns of a file with secrets that the user can read. */
static void check_secret(const struct access *access, const char *path)
{
	char *real = realpath(path, NULL);
	struct stat info;
	bool open;

	if (real == NULL || stat(real, &info) < 0 || !S_ISREG(info.st_mode)) {
		free(real);
		return;
	}
	user_begin(&access->user);
	open = may(real, R_OK);
	user_end();
	if (open)
		diag_warning(access->diagnostics, access->config->processor.user_place,
			"processor.user: '%s' can read '%s', and so can handlers", access->user.name,
			path);
	free(real);
}

static void check_secrets(const struct access *access)
{
	const struct config *config = access->config;
	const char *folders[] = {config->directory, config->processor.handler_path};
	char *before = NULL;

	if (config->path != NULL)
		check_secret(access, config->path);
	for (size_t i = 0; i < config->secret_files.count; i++)
		check_secret(access, config->secret_files.items[i]);
	for (size_t i = 0; i < 2; i++) {
		char *path = folders[i] == NULL ? NULL : mem_printf("%s/.env", folders[i]);
		char *real = path == NULL ? NULL : realpath(path, NULL);

		if (real != NULL && (before == NULL || strcmp(before, real) != 0))
			check_secret(access, path);
		free(before);
		free(path);
		before = real;
	}
	free(before);
}

void check_user(const struct config *config, struct diagnostics *diagnostics)
{
	const struct processor_config *processor = &config->processor;
	struct access access = {.config = config, .diagnostics = diagnostics};
	const char *lack = user_lack();
	char *own;

	if (processor->user == NULL || config_mistaken(config, "processor.user"))
		return;
	if (!user_find(&access.user, processor->user)) {
		diag_error(diagnostics, processor->user_place,
			"processor.user: there is no user '%s'", processor->user);
	} else if (!user_is_own(&access.user) && lack != NULL) {
		own = user_own_name();
		diag_error(diagnostics, processor->user_place,
			"processor.user: %s, and bruco runs as '%s'", lack, own);
		free(own);
	} else if (!user_is_own(&access.user)) {
		check_needed(&access);
		check_secrets(&access);
	}
	user_release(&access.user);
}
