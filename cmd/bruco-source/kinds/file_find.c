/* Which files the path of the file kind means now. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "bruco-source/kinds/file.h"

/* ---- folders */

static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == path ? mem_text("/") : mem_text_n(path, (size_t)(slash - path));
}

/* A second watch of one folder is the first one. */
static void watch(const struct file_source *file, const char *path)
{
	char *folder;

	if (file->inotify < 0)
		return;
	folder = folder_of(path);
	if (inotify_add_watch(file->inotify, folder, IN_MODIFY | IN_CREATE | IN_MOVE | IN_DELETE | IN_ONLYDIR) < 0)
		log_debug("cannot watch '%s': %s", folder, strerror(errno)); /* it is looked at every second */
	free(folder);
}

/* A file that was written to may be among those at their end: which is told by a look at all. */
void file_notified(struct file_source *file)
{
	_Alignas(struct inotify_event) char events[16 << 10];
	bool any = false;
	ssize_t got;

	while (file->inotify >= 0 && (got = read(file->inotify, events, sizeof events)) > 0) {
		const char *at = events;

		any = true;
		while (at < events + got) {
			const struct inotify_event *event = (const struct inotify_event *)(const void *)at;

			file->asked = file->asked || (event->mask & ~(uint32_t)IN_MODIFY) != 0;
			at += sizeof *event + event->len;
		}
	}
	for (size_t i = 0, count = file->count; any && i < count; i++)
		file_input_look(file, file->inputs[i]);
}

/* ---- what is known */

static struct file_input *find_input(const struct file_source *file, const struct stat *status)
{
	for (size_t i = 0; i < file->count; i++) {
		struct file_input *input = file->inputs[i];

		if (input->inode == status->st_ino && input->device == status->st_dev && !input->truncated)
			return input;
	}
	return NULL;
}

/* Whether the place is of this file. A device may have another number after the machine was started anew. */
static bool is_place_of(const struct place *place, int fd, const struct stat *status)
{
	uint64_t hash;

	return place->inode == status->st_ino && place->offset <= status->st_size &&
	       file_head_hash(fd, place->head_length, &hash) && hash == place->head_hash;
}

static size_t find_place(const struct file_source *file, int fd, const struct stat *status)
{
	size_t best = file->places.count;

	for (size_t i = 0; i < file->places.count; i++)
		if (is_place_of(&file->places.items[i], fd, status) &&
			(best == file->places.count || file->places.items[i].device == status->st_dev))
			best = i;
	return best;
}

static void remove_place(struct places *places, size_t index)
{
	free(places->items[index].path);
	places->items[index] = places->items[--places->count];
}

/* Takes fd over. */
static void open_found(struct file_source *file, const char *path, int fd, const struct stat *status)
{
	size_t index = find_place(file, fd, status);

	if (index == file->places.count) {
		file_input_open(file, path, fd, status, NULL);
		return;
	}
	file_input_open(file, path, fd, status, &file->places.items[index]);
	remove_place(&file->places, index);
}

/* ---- one path */

static bool has_room(struct file_source *file, const char *path)
{
	if (file->count < FILES_MAX)
		return true;
	if (!file->full_told)
		log_warning("%d files are open: '%s' and others wait until one is read out", FILES_MAX, path);
	file->full_told = true;
	return false;
}

/* What a pattern finds besides files does not matter. */
static bool is_pattern(const struct file_source *file)
{
	return file->config->paths.count == 0 && strpbrk(file->config->path, "*?[") != NULL;
}

static void cannot(struct file_source *file, const char *path, const char *why)
{
	if (!file->source->stage.ready)
		die(STATUS_CONFIG, "cannot read '%s': %s", path, why);
	if (reminder_due(&file->unreadable, clock_ms()))
		log_warning("cannot read '%s': %s", path, why);
}

static void open_path(struct file_source *file, const char *path)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) {
		open_found(file, path, fd, &status);
		return;
	}
	if (fd < 0 && errno != ENOENT)
		cannot(file, path, strerror(errno));
	else if (fd >= 0 && !is_pattern(file))
		cannot(file, path, "it is not a regular file");
	fd_close(&fd);
}

static void see_path(struct file_source *file, const char *path)
{
	struct stat status;
	struct file_input *input;

	watch(file, path);
	if (stat(path, &status) < 0) {
		if (errno != ENOENT && errno != ENOTDIR)
			cannot(file, path, strerror(errno));
		return;
	}
	input = find_input(file, &status);
	if (input != NULL)
		input->found = true;
	else if (!places_can_hold(path))
		cannot(file, "a name with a control character", "its place can't be remembered");
	else if (has_room(file, path))
		open_path(file, path);
}

/* ---- all paths */

static void see_pattern(struct file_source *file)
{
	glob_t found = {0};

	if (glob(file->config->path, 0, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc; i++)
			see_path(file, found.gl_pathv[i]);
	globfree(&found);
}

static void see_all(struct file_source *file)
{
	const struct texts *paths = &file->config->paths;

	if (is_pattern(file))
		see_pattern(file);
	else if (paths->count == 0)
		see_path(file, file->config->path);
	for (size_t i = 0; i < paths->count; i++)
		see_path(file, paths->items[i]);
}

static void say_waiting(struct file_source *file)
{
	if (file->count > 0 || file->waiting_told)
		return;
	file->waiting_told = true;
	if (file->follow)
		log_info("no file '%s' yet, waiting for one", file->config->path);
	else if (file->config->follow) /* -e */
		log_info("no file '%s'", file->config->path);
	else
		die(STATUS_CONFIG, "no file '%s'", file->config->path);
}

static void mark_replaced(struct file_source *file)
{
	file->leaving = 0;
	for (size_t i = 0; i < file->count; i++) {
		struct file_input *input = file->inputs[i];

		if (!input->found && !input->replaced)
			input->quiet_since = clock_ms();
		input->replaced = !input->found;
		file->leaving += input->replaced || input->truncated;
	}
}

void file_find(struct file_source *file)
{
	file->asked = false;
	file->find_due = clock_ms() + LOOK_MS;
	watch(file, file->config->path);
	for (size_t i = 0; i < file->count; i++)
		file->inputs[i]->found = false;
	see_all(file);
	say_waiting(file);
	mark_replaced(file);
}

/* ---- what was renamed while nobody looked */

static bool open_if_renamed(struct file_source *file, int folder, const char *name, size_t index)
{
	struct place *place = &file->places.items[index];
	struct stat status;
	int fd = openat(folder, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) || !is_place_of(place, fd, &status) ||
		find_input(file, &status) != NULL) {
		fd_close(&fd);
		return false;
	}
	log_info("'%s' is '%s' now: it is read to its end", place->path, name);
	file_input_open(file, place->path, fd, &status, place)->replaced = true;
	file->leaving++;
	return true;
}

static bool find_renamed(struct file_source *file, size_t index)
{
	const struct place *place = &file->places.items[index];
	char *path = folder_of(place->path);
	DIR *folder = opendir(path);
	const struct dirent *entry;
	bool found = false;

	while (folder != NULL && !found && (entry = readdir(folder)) != NULL)
		found = entry->d_ino == place->inode && open_if_renamed(file, dirfd(folder), entry->d_name, index);
	if (folder != NULL)
		closedir(folder);
	free(path);
	return found;
}

void file_find_renamed(struct file_source *file)
{
	while (file->places.count > 0) {
		const char *path = file->places.items[0].path;

		if (!find_renamed(file, 0))
			log_info("what was read as '%s' up to byte %lld is gone", path,
				(long long)file->places.items[0].offset);
		remove_place(&file->places, 0);
	}
}
