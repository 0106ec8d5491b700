#include "bruco/monitor/console_path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

static char *folder_path(void)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");

	if (runtime != NULL && runtime[0] == '/')
		return mem_printf("%s/bruco", runtime);
	if (geteuid() == 0)
		return mem_text("/run/bruco");
	return mem_printf("/tmp/bruco-%u", (unsigned)geteuid());
}

/* Whoever may write into the folder could put a socket of their own there. */
static bool is_ours(const char *path)
{
	struct stat status;

	if (lstat(path, &status) < 0)
		return false;
	if (!S_ISDIR(status.st_mode) || status.st_uid != geteuid() ||
		(status.st_mode & 022) != 0) {
		errno = EPERM;
		return false;
	}
	return true;
}

char *console_folder(bool create)
{
	char *path = folder_path();
	int error;

	if ((!create || mkdir(path, 0700) == 0 || errno == EEXIST) && is_ours(path))
		return path;
	error = errno;
	free(path);
	errno = error;
	return NULL;
}

char *console_path(const char *folder, const char *name, unsigned number)
{
	char *path = number < 2 ? mem_printf("%s/%s.sock", folder, name)
				: mem_printf("%s/%s-%u.sock", folder, name, number);

	/* A name is a text, and may hold what separates folders. */
	for (char *at = path + strlen(folder) + 1; *at != '\0'; at++)
		if (*at == '/')
			*at = '-';
	return path;
}

char *console_find(const char *socket, const char *name)
{
	char *folder, *path;

	if (socket != NULL)
		return mem_text(socket);
	folder = console_folder(false);
	if (folder == NULL)
		return NULL;
	path = console_path(folder, name, 1);
	free(folder);
	return path;
}
