#include <Python.h>

#include "venv.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "config/environment.h"

static const char *named_by(const char *variable)
{
	const char *folder = getenv(variable);

	return folder == NULL || *folder == '\0' ? NULL : folder;
}

int venv_executable(const char *folder, char **executable)
{
	char why[ENVIRONMENT_WHY_MAX];

	if (folder == NULL)
		folder = named_by("BRUCO_VENV");
	if (folder == NULL)
		folder = named_by("VIRTUAL_ENV");
	if (folder == NULL) {
		*executable = mem_text(BRUCO_PYTHON);
		return STATUS_OK;
	}
	if (!environment_fits(folder, PY_MAJOR_VERSION, PY_MINOR_VERSION, why)) {
		log_error("%s", why);
		return STATUS_CONFIG;
	}
	*executable = mem_printf("%s/bin/python3", folder);
	return STATUS_OK;
}
