#include "base/remove_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH_MOST = 200 }; /* an open folder each */

static void empty(int folder, int depth);

static void remove_entry(int folder, const char *name, int depth)
{
	int inner;

	if (unlinkat(folder, name, 0) == 0 || (errno != EISDIR && errno != EPERM))
		return;
	inner = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (inner >= 0) {
		fchmod(inner, S_IRWXU);
		empty(inner, depth + 1);
	}
	unlinkat(folder, name, AT_REMOVEDIR);
}

/* Takes the descriptor. */
static void empty(int folder, int depth)
{
	DIR *stream = fdopendir(folder);
	const struct dirent *entry;

	if (stream == NULL) {
		close(folder);
		return;
	}
	while (depth < DEPTH_MOST && (entry = readdir(stream)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			remove_entry(folder, entry->d_name, depth);
	closedir(stream);
}

bool remove_tree(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0)
		empty(fd, 0);
	return rmdir(folder) == 0;
}
