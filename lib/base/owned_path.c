#include "base/owned_path.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

static bool is_trusted(uid_t owner)
{
	return owner == 0 || owner == geteuid();
}

static bool check_one(const char *path, const struct stat *status, char why[OWNED_PATH_WHY])
{
	bool others = (status->st_mode & S_IWOTH) != 0 ||
		      ((status->st_mode & S_IWGRP) != 0 && status->st_gid != getegid());

	if (!is_trusted(status->st_uid)) {
		snprintf(why, OWNED_PATH_WHY, "'%.300s' belongs to user %u", path, (unsigned)status->st_uid);
		return false;
	}
	if (S_ISLNK(status->st_mode) || !others ||
		(status->st_uid == 0 && (status->st_mode & S_ISVTX) != 0))
		return true;
	snprintf(why, OWNED_PATH_WHY, "others may write to '%.300s' (mode %03o)", path,
		(unsigned)status->st_mode & 0777);
	return false;
}

/* Each folder on the way to `path`, and it. *last: the last one that there is, in `copy`. */
static bool check_each(char *copy, char **last, char why[OWNED_PATH_WHY])
{
	char *end = copy + 1;

	*last = NULL;
	for (;;) {
		struct stat status;
		char kept = *end;
		bool good;

		*end = '\0';
		if (lstat(copy, &status) < 0) {
			good = errno == ENOENT || errno == ENOTDIR;
			if (!good)
				snprintf(why, OWNED_PATH_WHY, "'%.300s': %s", copy, strerror(errno));
			return good;
		}
		good = check_one(copy, &status, why);
		if (!good)
			return false;
		free(*last);
		*last = mem_text(copy);
		*end = kept;
		if (kept == '\0')
			return true;
		end += kept == '/';
		end += strspn(end, "/");
		end += strcspn(end, "/");
	}
}

bool path_is_owned(const char *path, char why[OWNED_PATH_WHY])
{
	char *copy = mem_text(path), *last = NULL, *ignored = NULL;
	char real[PATH_MAX];
	bool good = check_each(copy, &last, why);

	/* The way that the links make. */
	if (good && last != NULL && realpath(last, real) != NULL && strcmp(real, last) != 0)
		good = check_each(real, &ignored, why);
	free(ignored);
	free(last);
	free(copy);
	return good;
}
