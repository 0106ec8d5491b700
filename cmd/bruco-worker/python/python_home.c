#include "bruco-worker/python/python_home.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "config/packages.h"

/* What the handler will find in this variable. */
static const char *named_by(const struct worker *worker, const char *variable)
{
	const struct settings *env = &worker->config.processor.env;
	const char *folder = getenv(variable);

	for (size_t i = 0; i < env->count; i++)
		if (strcmp(env->items[i].name, variable) == 0)
			folder = env->items[i].value;
	return folder == NULL || *folder == '\0' ? NULL : folder;
}

/* By hand: the environment that bruco has installed, if it has. Owned by the caller; NULL: none. */
static char *installed(const struct worker *worker, bool loud)
{
	const char *config = worker->config.path;
	struct packages packages;
	enum packages_need need;
	const char *handler = worker->directory;
	char *folder = NULL;

	if (worker->driven)
		return NULL;
	if (handler == NULL) /* not entered yet */
		handler = worker->config.processor.handler_path;
	need = packages_find(&packages, handler, worker->config.processor.module_name, getenv("HOME"),
		python_own());
	if (need == PACKAGES_UNCLEAR && loud)
		log_warning("%s", packages.why);
	if (need == PACKAGES_UNSAFE && loud)
		log_warning("'%s' is not used: %s", packages.folder, packages.why);
	if (need == PACKAGES_NEEDED) {
		if (packages_are_there(&packages))
			folder = mem_text(packages.folder);
		else if (loud && named_by(worker, "VIRTUAL_ENV") == NULL)
			log_warning("'%s' is not installed ('bruco venv -c %s' does that)",
				packages.list.file, config != NULL ? config : "CONFIG");
	}
	packages_release(&packages);
	return folder;
}

/* What names the environment or the Python; owned by the caller, NULL: nothing does. `by` is what has to
 * be said of it first. */
static char *find_name(const struct worker *worker, bool loud, const char **by)
{
	const char *name = worker->config.processor.python;
	char *folder;

	*by = "";
	if (name == NULL)
		name = named_by(worker, "BRUCO_VENV");
	if (name != NULL)
		return mem_text(name);
	folder = installed(worker, loud);
	name = named_by(worker, "VIRTUAL_ENV");
	if (folder != NULL || name == NULL)
		return folder;
	*by = "VIRTUAL_ENV, which is activated: ";
	return mem_text(name);
}

int python_home_find(const struct worker *worker, bool loud, struct python *python)
{
	const char *by;
	char *name = find_name(worker, loud, &by);
	char why[PYTHON_WHY_MAX];
	bool found = name == NULL ? python_find_own(python, why) : python_find(name, python, why);

	if (!found && loud)
		log_error("%s%s", by, why);
	free(name);
	return found ? STATUS_OK : STATUS_CONFIG;
}
