#include "config/packages.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/text.h"

/* False when the variable says neither yes nor no. */
static bool asks_for_pip(bool *off)
{
	const char *word = getenv("BRUCO_DISABLE_PIP");

	return text_boolean(word == NULL ? "" : word, off);
}

/* Each Python has folders of its own; its path and the time of its file stand for its version. */
static uint64_t identity(struct packages *packages, const char *python)
{
	uint64_t mix = package_list_hash(&packages->list);
	char path[PATH_MAX];
	struct stat status;

	if (packages->list.paths)
		mix = hash_more(mix, packages->handler_path, strlen(packages->handler_path) + 1);
	if (realpath(python, path) != NULL && stat(path, &status) == 0) {
		mix = hash_more(mix, path, strlen(path) + 1);
		mix = hash_more(mix, &status.st_mtim, sizeof status.st_mtim);
	}
	return mix;
}

char *packages_cache(const char *home)
{
	const char *cache = getenv("XDG_CACHE_HOME");

	if (cache != NULL && cache[0] == '/') /* the XDG standard says to ignore a relative path */
		return mem_printf("%s/bruco", cache);
	return home != NULL && home[0] == '/' ? mem_printf("%s/.cache/bruco", home) : NULL;
}

enum packages_need packages_find(struct packages *packages, const char *handler_path,
	const char *module, const char *home, const char *python)
{
	uint64_t number;
	bool off;

	*packages = (struct packages){0};
	if (!asks_for_pip(&off)) {
		snprintf(packages->why, sizeof packages->why,
			"the variable BRUCO_DISABLE_PIP is '%.60s', which is neither true nor false",
			getenv("BRUCO_DISABLE_PIP"));
		return PACKAGES_UNCLEAR;
	}
	if (off)
		return PACKAGES_NONE;
	packages->handler_path = realpath(handler_path, NULL);
	if (packages->handler_path == NULL)
		return PACKAGES_NONE; /* the worker reports what is wrong with the folder */
	if (!package_list_find(&packages->list, packages->handler_path, module))
		return PACKAGES_UNREADABLE;
	if (packages->list.kind == LIST_NONE)
		return PACKAGES_NONE;
	number = identity(packages, python);
	packages->cache = packages_cache(home);
	if (packages->cache == NULL)
		return PACKAGES_HOMELESS;
	packages->folder =
		mem_printf("%s/venv-%016llx", packages->cache, (unsigned long long)number);
	packages->complete = mem_printf("%s/bruco-complete", packages->folder);
	return path_is_owned(packages->folder, packages->why) ? PACKAGES_NEEDED : PACKAGES_UNSAFE;
}

void packages_release(struct packages *packages)
{
	free(packages->handler_path);
	package_list_release(&packages->list);
	free(packages->cache);
	free(packages->folder);
	free(packages->complete);
	*packages = (struct packages){0};
}

bool packages_are_there(const struct packages *packages)
{
	return faccessat(AT_FDCWD, packages->complete, F_OK, AT_EACCESS) == 0;
}
