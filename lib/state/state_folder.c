#include "state/state_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/make_folders.h"
#include "base/mem.h"
#include "base/owned_path.h"
#include "base/status.h"

enum {
	FILE_BYTES_MAX = 64 << 20,
	LOCK_MS = 3000 /* after its driver was killed, a source lives on for a moment */
};

/* A name is a text, and may hold what separates folders. */
static char *beneath(const char *folder, const char *name)
{
	char *path = mem_printf("%s/bruco/%s%s", folder, name[0] == '.' ? "_" : "", name);

	for (char *at = path + strlen(folder) + strlen("/bruco/"); *at != '\0'; at++)
		if (*at == '/')
			*at = '-';
	return path;
}

char *state_default_path(const char *name)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	char *folder, *path;

	if (state != NULL && state[0] == '/')
		return beneath(state, name);
	if (geteuid() == 0)
		return beneath("/var/lib", name);
	if (home == NULL || home[0] != '/')
		return NULL;
	folder = mem_printf("%s/.local/state", home);
	path = beneath(folder, name);
	free(folder);
	return path;
}

static void lock(struct state_folder *folder)
{
	int64_t deadline = clock_ms() + LOCK_MS;

	folder->lock = openat(folder->fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (folder->lock < 0)
		die(STATUS_CONFIG, "cannot lock '%s': %s", folder->path, strerror(errno));
	while (flock(folder->lock, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			die(STATUS_CONFIG, "cannot lock '%s': %s", folder->path, strerror(errno));
		if (clock_ms() >= deadline)
			die(STATUS_CONFIG,
				"another instance uses the state in '%s' (stateDirectory or name gives this one its own)",
				folder->path);
		poll(NULL, 0, 20);
	}
}

void state_open(struct state_folder *folder, const char *path)
{
	char why[OWNED_PATH_WHY];

	folder->path = mem_text(path);
	if (!make_folders(path))
		die(STATUS_CONFIG, "cannot create '%s': %s (stateDirectory names another place)", path,
			strerror(errno));
	if (!path_is_owned(path, why))
		die(STATUS_CONFIG, "cannot keep state in '%s': %s (stateDirectory names another place)", path, why);
	folder->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder->fd < 0)
		die(STATUS_CONFIG, "cannot open '%s': %s", path, strerror(errno));
	lock(folder);
}

char *state_read(const struct state_folder *folder, const char *name, size_t *length)
{
	int fd = openat(folder->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char *text;

	if (fd < 0 && errno == ENOENT)
		return NULL;
	text = fd < 0 ? NULL : fd_read_all(fd, FILE_BYTES_MAX, length);
	if (text == NULL)
		die(STATUS_CONFIG, "cannot read '%s/%s': %s", folder->path, name, strerror(errno));
	fd_close(&fd);
	return text;
}

/* Its name, too, is on the disk when this returns. */
static bool replace(const struct state_folder *folder, const char *made, const char *name)
{
	return renameat(folder->fd, made, folder->fd, name) == 0 && fsync(folder->fd) == 0;
}

bool state_write(const struct state_folder *folder, const char *name, const void *data, size_t length)
{
	char made[64];
	int fd, error;
	bool good;

	snprintf(made, sizeof made, "%.50s.new", name);
	fd = openat(folder->fd, made, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return false;
	good = fd_write_all(fd, data, length) == 0 && fsync(fd) == 0;
	error = errno;
	fd_close(&fd);
	errno = error;
	return good && replace(folder, made, name);
}
