#include "config/virtualenv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "config/diagnostics.h"

enum { SETTINGS_MAX = 65536 };

/* The version in a pyvenv.cfg: `version = 3.11.2`, or `version_info`, as some tools write it. */
static bool find_version(const char *settings, int *major, int *minor)
{
	static const char *const names[] = {"version", "version_info"};

	for (const char *line = settings; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		for (size_t i = 0; i < 2; i++) {
			size_t length = strlen(names[i]);

			if (strncmp(line, names[i], length) == 0 &&
				sscanf(line + length, " = %d.%d", major, minor) == 2)
				return true;
		}
	}
	return false;
}

/* The text of its pyvenv.cfg, or NULL with errno. */
static char *read_settings(const char *folder)
{
	char *path = mem_printf("%s/pyvenv.cfg", folder);
	size_t length;
	char *settings = fd_read_regular(path, SETTINGS_MAX, &length);
	int error = errno;

	free(path);
	errno = error;
	return settings;
}

bool virtualenv_fits(const char *folder, int major, int minor, char why[static VIRTUALENV_WHY_MAX])
{
	char *settings;
	int its_major, its_minor;
	bool fits = true;

	if (access(folder, F_OK) < 0) {
		snprintf(why, VIRTUALENV_WHY_MAX, "cannot open '%.400s': %s", folder,
			strerror(errno));
		return false;
	}
	settings = read_settings(folder);
	if (settings == NULL) {
		snprintf(why, VIRTUALENV_WHY_MAX,
			"'%.350s' is not a virtual environment: cannot read 'pyvenv.cfg': %s",
			folder, fd_read_why(errno));
		return false;
	}
	if (find_version(settings, &its_major, &its_minor) &&
		(its_major != major || its_minor != minor)) {
		snprintf(why, VIRTUALENV_WHY_MAX,
			"the virtual environment '%.350s' is for Python %d.%d, but bruco-worker "
			"embeds Python %d.%d",
			folder, its_major, its_minor, major, minor);
		fits = false;
	}
	free(settings);
	return fits;
}

size_t virtualenv_check(const struct config *config, int major, int minor, struct buf *notes)
{
	const struct processor_config *processor = &config->processor;
	struct diagnostics diagnostics = {0};
	char why[VIRTUALENV_WHY_MAX];

	if (processor->python != NULL && !virtualenv_fits(processor->python, major, minor, why))
		diag_error(&diagnostics, processor->python_place, "processor.python: %s", why);
	return diag_write(&diagnostics, config, notes);
}
