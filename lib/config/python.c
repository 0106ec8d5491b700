#include "config/python.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/search.h"
#include "base/self.h"
#include "config/diagnostics.h"

enum { SETTINGS_MAX = 65536, OLDEST_MINOR = 9 };

struct version {
	int major, minor; /* 0: it is not known */
};

/* ---- the modules */

/* "_bruco_worker.cpython-312-x86_64-linux-gnu.so", as Python names them. */
static bool module_version(const char *name, struct version *version)
{
	char digits[8], *end;

	if (sscanf(name, "_bruco_worker.cpython-%7[0-9]", digits) != 1)
		return false;
	version->minor = (int)strtol(digits + 1, &end, 10);
	version->major = digits[0] - '0';
	return end > digits + 1;
}

static int by_minor(const void *one, const void *other)
{
	return *(const int *)one - *(const int *)other;
}

/* Whether there is one for this version of Python 3; if not, *text has the versions that there are. */
static bool has_module(const char *folder, struct version wanted, struct buf *text)
{
	int minors[32];
	size_t count = 0;
	struct version version;
	bool found = false;
	DIR *stream = opendir(folder);
	const struct dirent *entry;

	while (stream != NULL && !found && (entry = readdir(stream)) != NULL)
		if (module_version(entry->d_name, &version) &&
			count < sizeof minors / sizeof minors[0]) {
			found = version.major == wanted.major && version.minor == wanted.minor;
			minors[count++] = version.minor;
		}
	if (stream != NULL)
		closedir(stream);
	qsort(minors, count, sizeof minors[0], by_minor);
	for (size_t i = 0; i < count; i++)
		buf_printf(text, "%s3.%d", i == 0 ? "" : ", ", minors[i]);
	return found;
}

static bool module_is_there(
	const char *path, struct version version, const char *executable, char *why)
{
	char *beside = self_beside("../lib/bruco/modules");
	char *real = beside == NULL ? NULL : realpath(beside, NULL);
	const char *folder = real != NULL ? real : beside != NULL ? beside : "../lib/bruco/modules";
	struct buf versions = {0};
	bool there = has_module(folder, version, &versions);

	if (!there && (version.major != 3 || version.minor < OLDEST_MINOR))
		snprintf(why, PYTHON_WHY_MAX, "'%.400s' is Python %d.%d, and workers run in 3.%d and later",
			path, version.major, version.minor, OLDEST_MINOR);
	else if (!there)
		snprintf(why, PYTHON_WHY_MAX,
			"'%.250s' is Python %d.%d, for which there is no worker in '%.250s' (%s%.*s); in "
			"Bruco's sources 'make modules PYTHONS=%.250s' builds it",
			path, version.major, version.minor, folder,
			versions.length > 0 ? "only for " : "nor for others", (int)versions.length,
			versions.length > 0 ? (const char *)versions.data : "", executable);
	buf_release(&versions);
	free(real);
	free(beside);
	return there;
}

/* ---- what the path names */

/* The value behind `name = ` in a pyvenv.cfg, NULL: there is none. */
static const char *find_setting(const char *settings, const char *name)
{
	size_t length = strlen(name);

	for (const char *line = settings; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, length) == 0) {
			const char *value = line + length + strspn(line + length, " \t");

			if (*value == '=')
				return value + 1 + strspn(value + 1, " \t");
		}
	}
	return NULL;
}

/* `version = 3.11.2`, or `version_info`, as some tools write it. */
static struct version version_of_settings(const char *settings)
{
	static const char *const names[] = {"version", "version_info"};
	struct version version = {0};

	for (size_t i = 0; i < 2; i++) {
		const char *value = find_setting(settings, names[i]);

		if (value != NULL && sscanf(value, "%d.%d", &version.major, &version.minor) == 2)
			return version;
	}
	return (struct version){0};
}

/* A Python's executable is, at the end of its links, called python3.12. */
static struct version version_of_name(const char *path)
{
	char *real = realpath(path, NULL);
	const char *name = real == NULL ? "" : strrchr(real, '/') + 1;
	struct version version = {0};

	if (sscanf(name, "python%d.%d", &version.major, &version.minor) != 2)
		version = (struct version){0};
	free(real);
	return version;
}

/* The folder two above the file: /opt/python of /opt/python/bin/python3. The caller frees it. */
static char *above_bin(const char *path)
{
	char *real = realpath(path, NULL), *slash;

	for (int i = 0; i < 2 && real != NULL; i++) {
		slash = strrchr(real, '/');
		*(slash == real ? slash + 1 : slash) = '\0';
	}
	return real;
}

static bool is_embedded(struct version version)
{
#ifdef BRUCO_PYTHON
	return version.major == 0 ||
	       (version.major == BRUCO_PYTHON_MAJOR && version.minor == BRUCO_PYTHON_MINOR);
#else
	(void)version;
	return false;
#endif
}

static bool is_program(const char *path)
{
	struct stat info;

	return stat(path, &info) == 0 && S_ISREG(info.st_mode) && access(path, X_OK) == 0;
}

/* `home = /opt/python/bin` is in the folder that the environment's Python was installed into. */
static char *home_of_settings(const char *settings)
{
	const char *value = find_setting(settings, "home");
	char *path = value == NULL ? NULL : mem_text_n(value, strcspn(value, "\r\n"));
	char *slash = path == NULL ? NULL : strrchr(path, '/');

	if (slash != NULL && slash > path)
		*slash = '\0';
	return path;
}

static bool finish(struct python *python, const char *path, struct version version, char *why)
{
	if (python->embedded || version.major == 0 ||
		module_is_there(path, version, python->executable, why))
		return true;
	python_release(python);
	return false;
}

static bool find_environment(
	const char *folder, const char *settings, struct python *python, char *why)
{
	struct version version = version_of_settings(settings);

	python->executable = mem_printf("%s/bin/python3", folder);
	python->environment = mem_text(folder);
	if (version.major == 0)
		version = version_of_name(python->executable);
	python->embedded = is_embedded(version);
	python->base = home_of_settings(settings);
	return finish(python, folder, version, why);
}

static bool find_installed(const char *path, const char *executable, struct python *python, char *why)
{
	python->executable = mem_text(executable);
	python->base = above_bin(executable);
	return finish(python, path, version_of_name(executable), why);
}

static bool find_in_folder(const char *folder, struct python *python, char *why)
{
	char *settings_path = mem_printf("%s/pyvenv.cfg", folder);
	char *executable = mem_printf("%s/bin/python3", folder);
	size_t length;
	char *settings = fd_read_regular(settings_path, SETTINGS_MAX, &length);
	int error = errno;
	bool found = false;

	if (settings != NULL)
		found = find_environment(folder, settings, python, why);
	else if (error == ENOENT && is_program(executable))
		found = find_installed(folder, executable, python, why);
	else
		snprintf(why, PYTHON_WHY_MAX,
			"'%.350s' is not a virtual environment: cannot read 'pyvenv.cfg': %s",
			folder, fd_read_why(error));
	free(settings);
	free(executable);
	free(settings_path);
	return found;
}

bool python_find(const char *path, struct python *python, char why[static PYTHON_WHY_MAX])
{
	struct stat info;

	*python = (struct python){0};
	if (stat(path, &info) < 0) {
		snprintf(why, PYTHON_WHY_MAX, "cannot open '%.400s': %s", path, strerror(errno));
		return false;
	}
	if (S_ISDIR(info.st_mode))
		return find_in_folder(path, python, why);
	if (is_program(path))
		return find_installed(path, path, python, why);
	snprintf(why, PYTHON_WHY_MAX,
		"'%.400s' is neither a virtual environment's folder nor a Python that can be run", path);
	return false;
}

/* ---- Bruco's own */

#ifdef BRUCO_PYTHON

const char *python_own(void)
{
	return BRUCO_PYTHON;
}

const char *python_own_home(void)
{
	return BRUCO_PYTHON_HOME;
}

bool python_find_own(struct python *python, char why[static PYTHON_WHY_MAX])
{
	(void)why;
	*python = (struct python){.executable = mem_text(BRUCO_PYTHON),
		.base = mem_text(BRUCO_PYTHON_HOME),
		.embedded = true};
	return true;
}

#else

/* The folder of Bruco's programs, which is the bin of the environment that they were installed into, or of
 * that Python; NULL: it has no Python. */
static char *python_beside(void)
{
	char *beside = self_beside(".");
	char *folder = beside == NULL ? NULL : realpath(beside, NULL);
	char *executable = folder == NULL ? NULL : mem_printf("%s/python3", folder);

	free(folder);
	free(beside);
	if (executable == NULL || is_program(executable))
		return executable;
	free(executable);
	return NULL;
}

const char *python_own(void)
{
	static char *executable;

	if (executable == NULL)
		executable = python_beside();
	if (executable == NULL)
		executable = search_path("python3");
	return executable != NULL ? executable : "python3";
}

const char *python_own_home(void)
{
	return NULL;
}

/* The environment that it is the Python of, owned by the caller; NULL: it is of none. Its executable is a
 * link, so that the folder is asked that the link is in, as Python does. */
static char *environment_of(const char *executable)
{
	char *above = mem_printf("%.*s/..", (int)(strrchr(executable, '/') - executable), executable);
	char *folder = realpath(above, NULL);
	char *settings = folder == NULL ? NULL : mem_printf("%s/pyvenv.cfg", folder);
	bool found = settings != NULL && access(settings, F_OK) == 0;

	free(settings);
	free(above);
	if (found)
		return folder;
	free(folder);
	return NULL;
}

bool python_find_own(struct python *python, char why[static PYTHON_WHY_MAX])
{
	const char *executable = python_own();
	char *environment;
	bool found;

	*python = (struct python){0};
	if (strchr(executable, '/') == NULL) {
		snprintf(why, PYTHON_WHY_MAX, "there is no '%s', neither beside Bruco's programs nor in PATH",
			executable);
		return false;
	}
	environment = environment_of(executable);
	found = python_find(environment != NULL ? environment : executable, python, why);
	free(environment);
	return found;
}

#endif

void python_release(struct python *python)
{
	free(python->executable);
	free(python->environment);
	free(python->base);
	*python = (struct python){0};
}

size_t python_check(const struct config *config, struct buf *notes)
{
	const struct processor_config *processor = &config->processor;
	struct diagnostics diagnostics = {0};
	struct python python = {0};
	char why[PYTHON_WHY_MAX];

	if (processor->python != NULL && !python_find(processor->python, &python, why))
		diag_error(&diagnostics, processor->python_place, "processor.python: %s", why);
	python_release(&python);
	return diag_write(&diagnostics, config, notes);
}
