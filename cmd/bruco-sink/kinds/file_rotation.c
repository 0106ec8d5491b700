/* Files that are full, or whose time is over: PATH.20260131T120000.123Z, by the time of the move. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "bruco-sink/kinds/file.h"

enum { SUFFIX = sizeof ".20260131T120000.123Z" - 1 };

int64_t file_period(const struct file_sink *file, int64_t seconds)
{
	int64_t interval = file->config->rotate.interval_ms / 1000;

	return interval == 0 ? 0 : seconds / interval;
}

bool file_is_over(const struct file_sink *file, int64_t size, size_t more)
{
	int64_t most = file->config->rotate.size;

	if (size == 0)
		return false;
	return (most > 0 && size + (int64_t)more > most) || file_period(file, time(NULL)) != file->period;
}

int file_period_left(const struct file_sink *file)
{
	int64_t interval = file->config->rotate.interval_ms / 1000, left;

	if (interval == 0 || file->size == 0)
		return -1;
	left = (interval - time(NULL) % interval) * 1000;
	return left > 60000 ? 60000 : (int)left;
}

/* ---- those that are too many */

static bool is_rotated(const char *name, const char *base)
{
	static const char form[] = ".ddddddddTdddddd.dddZ";
	size_t length = strlen(base);

	if (strncmp(name, base, length) != 0 || strlen(name) != length + SUFFIX)
		return false;
	for (size_t i = 0; i < SUFFIX; i++)
		if (form[i] == 'd' ? name[length + i] < '0' || name[length + i] > '9' : name[length + i] != form[i])
			return false;
	return true;
}

static int by_name(const void *one, const void *other)
{
	return strcmp(*(char *const *)one, *(char *const *)other);
}

static void remove_old(const struct file_sink *file, const char *base)
{
	DIR *folder = fdopendir(dup(file->folder));
	const struct dirent *entry;
	char **names = NULL;
	size_t count = 0, keep = file->config->rotate.keep;

	if (folder != NULL)
		rewinddir(folder);
	while (folder != NULL && (entry = readdir(folder)) != NULL)
		if (is_rotated(entry->d_name, base)) {
			names = mem_grow(names, count + 1, sizeof *names);
			names[count++] = mem_text(entry->d_name);
		}
	if (folder != NULL)
		closedir(folder);
	if (count > 0)
		qsort(names, count, sizeof *names, by_name);
	for (size_t i = 0; i < count; i++) {
		if (count - i > keep && unlinkat(file->folder, names[i], 0) < 0)
			log_warning("cannot remove '%s': %s", names[i], strerror(errno));
		free(names[i]);
	}
	free(names);
}

/* ---- the move */

static void name_at(char *name, size_t size, const char *base, const struct timespec *at)
{
	struct tm parts;
	char stamp[32];

	gmtime_r(&at->tv_sec, &parts);
	strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%S", &parts);
	snprintf(name, size, "%s.%s.%03ldZ", base, stamp, at->tv_nsec / 1000000);
}

/* To a name that nobody has: a millisecond later, if need be. */
static bool move(const struct file_sink *file, const char *base)
{
	struct timespec now;
	char name[512];

	clock_gettime(CLOCK_REALTIME, &now);
	for (;;) {
		name_at(name, sizeof name, base, &now);
		if (renameat2(file->folder, base, file->folder, name, RENAME_NOREPLACE) == 0)
			return true;
		if (errno != EEXIST)
			return false;
		now.tv_nsec += 1000000;
		now.tv_sec += now.tv_nsec / 1000000000;
		now.tv_nsec %= 1000000000;
	}
}

bool file_rotate(struct file_sink *file)
{
	const char *base = strrchr(file->path, '/') + 1;

	if (!move(file, base)) {
		log_error("cannot rotate '%s': %s", file->path, strerror(errno));
		return false;
	}
	fd_close(&file->fd);
	file_open_path(file);
	if (file->config->rotate.keep > 0)
		remove_old(file, base);
	return true;
}
