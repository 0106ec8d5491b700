#include "base/make_folders.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"

bool make_folders(const char *path)
{
	char *copy = mem_text(path);
	bool made = true;

	for (char *slash = copy + 1; made && slash != NULL;) {
		slash = strchr(slash, '/');
		if (slash != NULL)
			*slash = '\0';
		made = mkdir(copy, 0700) == 0 || errno == EEXIST;
		if (slash != NULL)
			*slash++ = '/';
	}
	free(copy);
	return made;
}
