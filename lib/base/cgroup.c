#include "base/cgroup.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"

enum { TEXT_MOST = 1 << 20 };

/* Where a controller's groups are: the folder of ours, below that of the whole hierarchy. */
struct place {
	bool unified; /* version 2 */
	char *top;
	char *folder;
};

static void place_release(struct place *place)
{
	free(place->top);
	free(place->folder);
}

/* The whole file, for the caller to free, or NULL. */
static char *read_small_file(const char *root, const char *folder, const char *name)
{
	char *path = mem_printf("%s%s/%s", root, folder, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = NULL;
	size_t length;

	free(path);
	if (fd >= 0)
		text = fd_read_all(fd, TEXT_MOST, &length);
	fd_close(&fd);
	return text;
}

/* Whether a comma-separated list has this word. */
static bool lists(const char *list, size_t length, const char *word)
{
	size_t size = strlen(word);

	while (length >= size) {
		const char *comma = memchr(list, ',', length);
		size_t part = comma == NULL ? length : (size_t)(comma - list);

		if (part == size && memcmp(list, word, size) == 0)
			return true;
		if (comma == NULL)
			return false;
		list += part + 1;
		length -= part + 1;
	}
	return false;
}

/* Of /proc/self/cgroup, "4:memory:/path" or, for version 2, "0::/path". NULL: none. */
static char *find_path(const char *groups, const char *controller)
{
	for (const char *line = groups; line != NULL && *line != '\0';) {
		const char *names = strchr(line, ':');
		const char *path = names == NULL ? NULL : strchr(names + 1, ':');
		const char *end = strchr(line, '\n');
		bool found;

		if (path == NULL || (end != NULL && path > end))
			return NULL;
		names++;
		found = controller == NULL ? names == path
					   : lists(names, (size_t)(path - names), controller);
		if (found)
			return mem_text_n(path + 1,
				end == NULL ? strlen(path + 1) : (size_t)(end - path - 1));
		line = end == NULL ? NULL : end + 1;
	}
	return NULL;
}

/* A line of /proc/self/mountinfo: "36 35 98:0 /in-it /where rw - cgroup source rw,memory". */
static bool reads_mount(
	const char *line, const char *controller, char in_it[4096], char where[4096])
{
	char type[32], options[1024];
	const char *rest = strstr(line, " - ");

	if (rest == NULL || sscanf(line, "%*s %*s %*s %4095s %4095s", in_it, where) != 2 ||
		sscanf(rest, " - %31s %*s %1023s", type, options) != 2)
		return false;
	return controller == NULL
		       ? strcmp(type, "cgroup2") == 0
		       : strcmp(type, "cgroup") == 0 && lists(options, strlen(options), controller);
}

/* A container may see its own group as the top of what is mounted, under its name outside. */
static char *below(const char *path, const char *in_it)
{
	size_t length = strcmp(in_it, "/") == 0 ? 0 : strlen(in_it);

	if (strncmp(path, in_it, length) != 0)
		return mem_text("");
	return mem_text(strcmp(path + length, "/") == 0 ? "" : path + length);
}

static bool find_mount(const char *root, char *mounts, const char *path, const char *controller,
	struct place *place)
{
	char in_it[4096], where[4096], *rest = mounts;

	for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
		char *under, *full;

		if (!reads_mount(line, controller, in_it, where))
			continue;
		under = below(path, in_it);
		place->unified = controller == NULL;
		place->top = mem_text(where);
		place->folder = mem_printf("%s%s", where, under);
		free(under);
		full = mem_printf("%s%s", root, place->folder);
		if (access(full, F_OK) < 0) { /* named from elsewhere */
			free(place->folder);
			place->folder = mem_text(where);
		}
		free(full);
		return true;
	}
	return false;
}

/* `controller` NULL: version 2's, which has all that version 1 has not taken. */
static bool find_one(const char *root, const char *controller, struct place *place)
{
	char *groups = read_small_file(root, "/proc/self", "cgroup");
	char *mounts = read_small_file(root, "/proc/self", "mountinfo");
	char *path = groups == NULL ? NULL : find_path(groups, controller);
	bool found =
		path != NULL && mounts != NULL && find_mount(root, mounts, path, controller, place);

	free(groups);
	free(mounts);
	free(path);
	return found;
}

static bool find_group(const char *root, const char *controller, struct place *place)
{
	return find_one(root, controller, place) || find_one(root, NULL, place);
}

static long long read_number(const char *root, const char *folder, const char *name)
{
	char *text = read_small_file(root, folder, name);
	long long number = text == NULL ? -1 : strtoll(text, NULL, 10);

	free(text);
	return number;
}

/* Microseconds in each period, both of them 0 without a quota. */
static void read_quota(
	const char *root, const struct place *place, long long *quota, long long *period)
{
	char *text;

	*quota = *period = 0;
	if (place->unified) {
		text = read_small_file(root, place->folder, "cpu.max");
		if (text == NULL || sscanf(text, "%lld %lld", quota, period) != 2) /* "max" */
			*quota = *period = 0;
		free(text);
	} else {
		*quota = read_number(root, place->folder, "cpu.cfs_quota_us");
		*period = read_number(root, place->folder, "cpu.cfs_period_us");
	}
}

uint32_t cgroup_processors(const char *root)
{
	struct place place;
	long long least = 0;
	size_t top;

	if (!find_group(root, "cpu", &place))
		return 0;
	for (top = strlen(place.top); strlen(place.folder) >= top;) {
		long long quota, period, share;
		char *slash;

		read_quota(root, &place, &quota, &period);
		if (quota > 0 && period > 0) {
			share = quota / period + (quota % period > 0);
			least = least == 0 || share < least ? share : least;
		}
		slash = strrchr(place.folder, '/');
		if (slash == NULL)
			break;
		*slash = '\0';
	}
	place_release(&place);
	return least > UINT32_MAX ? UINT32_MAX : (uint32_t)least;
}

int64_t cgroup_oom_kills(const char *root)
{
	struct place place;
	int64_t kills = -1;
	char *text;
	const char *at;

	if (!find_group(root, "memory", &place))
		return -1;
	text = read_small_file(
		root, place.folder, place.unified ? "memory.events" : "memory.oom_control");
	at = text == NULL ? NULL : strstr(text, "oom_kill ");
	if (at != NULL)
		kills = strtoll(at + strlen("oom_kill "), NULL, 10);
	free(text);
	place_release(&place);
	return kills;
}
