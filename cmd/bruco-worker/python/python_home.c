#include <Python.h>

#include "bruco-worker/python/python_home.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "config/packages.h"
#include "config/virtualenv.h"

static const char *named_by(const char *variable)
{
	const char *folder = getenv(variable);

	return folder == NULL || *folder == '\0' ? NULL : folder;
}

/* By hand: the environment that bruco has installed, if it has. Owned by the caller; NULL: none. */
static char *installed(const struct worker *worker)
{
	const char *config = worker->config.path;
	struct packages packages;
	enum packages_need need;
	char *folder = NULL;

	if (worker->driven)
		return NULL;
	need = packages_find(
		&packages, ".", worker->config.processor.module_name, getenv("HOME"), BRUCO_PYTHON);
	if (need == PACKAGES_UNCLEAR)
		log_warning("%s", packages.why);
	if (need == PACKAGES_UNSAFE)
		log_warning("'%s' is not used: %s", packages.folder, packages.why);
	if (need == PACKAGES_NEEDED) {
		if (packages_are_there(&packages))
			folder = mem_text(packages.folder);
		else if (named_by("VIRTUAL_ENV") == NULL)
			log_warning("'%s' is not installed ('bruco venv -c %s' does that)",
				packages.list.file, config != NULL ? config : "CONFIG");
	}
	packages_release(&packages);
	return folder;
}

int python_home_executable(const struct worker *worker, char **executable)
{
	const char *python = worker->config.processor.python, *by = "";
	char why[VIRTUALENV_WHY_MAX];
	char *folder = NULL;
	int status = STATUS_OK;

	if (worker->check == CHECK_TEXT) {
		; /* any Python will do */
	} else if (python != NULL) {
		folder = mem_text(python);
	} else if (named_by("BRUCO_VENV") != NULL) {
		folder = mem_text(named_by("BRUCO_VENV"));
	} else if ((folder = installed(worker)) == NULL && named_by("VIRTUAL_ENV") != NULL) {
		folder = mem_text(named_by("VIRTUAL_ENV"));
		by = "VIRTUAL_ENV, which is activated: ";
	}
	*executable =
		folder == NULL ? mem_text(BRUCO_PYTHON) : mem_printf("%s/bin/python3", folder);
	if (folder != NULL && !virtualenv_fits(folder, PY_MAJOR_VERSION, PY_MINOR_VERSION, why)) {
		log_error("%s%s", by, why);
		free(*executable);
		*executable = NULL;
		status = STATUS_CONFIG;
	}
	free(folder);
	return status;
}
