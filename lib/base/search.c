#include "base/search.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

char *search_path(const char *name)
{
	const char *path = getenv("PATH");
	char *file;

	while (path != NULL && *path != '\0') {
		size_t folder = strcspn(path, ":");

		file = mem_printf(
			"%.*s/%s", folder > 0 ? (int)folder : 1, folder > 0 ? path : ".", name);
		if (access(file, X_OK) == 0)
			return file;
		free(file);
		path += folder + (path[folder] == ':');
	}
	return NULL;
}
