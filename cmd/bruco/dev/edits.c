#include "bruco/dev/edits.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"

enum { DEPTH_MOST = 4, EVENT_ROOM = 16384 };

static const uint32_t changes = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE;

void edits_init(struct edits *edits)
{
	*edits = (struct edits){.fd = -1, .config_watch = -1, .last_watch = -1};
}

void edits_release(struct edits *edits)
{
	fd_close(&edits->fd);
	free(edits->config_name);
	edits_init(edits);
}

static int add_watch(struct edits *edits, const char *folder)
{
	int watch = inotify_add_watch(edits->fd, folder, changes | IN_ONLYDIR);

	if (watch < 0)
		log_warning("cannot watch '%s' for edits: %s", folder, strerror(errno));
	return watch;
}

/* A folder that may hold modules of the handler, and no virtual environment. */
static bool is_package(const char *folder, const char *name)
{
	struct stat info;
	char *mark;
	bool good;

	if (name[0] == '.' || strcmp(name, "__pycache__") == 0)
		return false;
	mark = mem_printf("%s/pyvenv.cfg", folder);
	good = access(mark, F_OK) < 0 && lstat(folder, &info) == 0 && S_ISDIR(info.st_mode);
	free(mark);
	return good;
}

static void watch_folder(struct edits *edits, const char *folder, int depth)
{
	DIR *stream = depth < DEPTH_MOST ? opendir(folder) : NULL;
	const struct dirent *entry;

	edits->last_watch = add_watch(edits, folder);
	while (stream != NULL && (entry = readdir(stream)) != NULL) {
		char *path = mem_printf("%s/%s", folder, entry->d_name);

		if (is_package(path, entry->d_name))
			watch_folder(edits, path, depth + 1);
		free(path);
	}
	if (stream != NULL)
		closedir(stream);
}

/* The configuration's folder, which the caller frees; its name in there goes to the edits. */
static char *split_path(struct edits *edits, const char *path)
{
	const char *slash = strrchr(path, '/');
	struct stat info;

	if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
		edits->config_name = mem_text("config.yaml");
		return mem_text(path);
	}
	edits->config_name = mem_text(slash == NULL ? path : slash + 1);
	return slash == NULL ? mem_text(".") : mem_text_n(path, (size_t)(slash + 1 - path));
}

void edits_watch(struct edits *edits, const char *config_path, const char *handler_path)
{
	char *folder;

	edits_release(edits);
	edits->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (edits->fd < 0) {
		log_warning("cannot watch for edits: %s", strerror(errno));
		return;
	}
	if (handler_path != NULL)
		watch_folder(edits, handler_path, 0);
	folder = split_path(edits, config_path);
	edits->config_watch = add_watch(edits, folder);
	free(folder);
}

static bool is_edit(const struct edits *edits, const struct inotify_event *event)
{
	size_t length = event->len == 0 ? 0 : strlen(event->name);

	if ((event->mask & IN_Q_OVERFLOW) != 0)
		return true;
	if (length == 0 || event->name[0] == '.')
		return false;
	if (event->wd <= edits->last_watch && length > 3 &&
		strcmp(event->name + length - 3, ".py") == 0)
		return true;
	return event->wd == edits->config_watch && strcmp(event->name, edits->config_name) == 0;
}

bool edits_read(struct edits *edits)
{
	_Alignas(struct inotify_event) char room[EVENT_ROOM];
	bool found = false;
	ssize_t got;

	while ((got = read(edits->fd, room, sizeof room)) > 0)
		for (char *at = room; at < room + got;) {
			const struct inotify_event *event = (const struct inotify_event *)(void *)at;

			found = is_edit(edits, event) || found;
			at += sizeof *event + event->len;
		}
	return found;
}
