#include <Python.h>

#include "venv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"

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

static int check_version(const char *folder)
{
	char *path = mem_printf("%s/pyvenv.cfg", folder);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int major, minor, status = STATUS_CONFIG;
	char *settings = NULL;
	size_t length;

	if (fd >= 0)
		settings = fd_read_all(fd, SETTINGS_MAX, &length);
	if (settings == NULL)
		log_error("'%s' is not a virtual environment: cannot read 'pyvenv.cfg': %s", folder,
			strerror(errno));
	else if (find_version(settings, &major, &minor) &&
		 (major != PY_MAJOR_VERSION || minor != PY_MINOR_VERSION))
		log_error(
			"the virtual environment '%s' is for Python %d.%d, but bruco-worker embeds "
			"Python %d.%d",
			folder, major, minor, PY_MAJOR_VERSION, PY_MINOR_VERSION);
	else
		status = STATUS_OK;
	free(settings);
	fd_close(&fd);
	free(path);
	return status;
}

int venv_executable(char **executable)
{
	const char *folder = getenv("BRUCO_VENV");
	int status;

	if (folder == NULL || *folder == '\0')
		folder = getenv("VIRTUAL_ENV");
	if (folder == NULL || *folder == '\0') {
		*executable = mem_text(BRUCO_PYTHON);
		return STATUS_OK;
	}
	status = check_version(folder);
	if (status == STATUS_OK)
		*executable = mem_printf("%s/bin/python3", folder);
	return status;
}
