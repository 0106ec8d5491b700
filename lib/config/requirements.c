#include "config/requirements.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/hash.h"
#include "base/mem.h"

enum { FILE_MAX = 1 << 20, FILES_MAX = 100, DEPTH_MAX = 8 };

static const char blanks[] = " \t\r\n";

char *requirements_read(const char *file)
{
	size_t length;

	return fd_read_regular(file, FILE_MAX, &length);
}

bool requirements_empty(const char *text)
{
	for (text += strspn(text, blanks); *text == '#'; text += strspn(text, blanks))
		text = strchrnul(text, '\n');
	return *text == '\0';
}

/* The file that a line includes (-r FILE or -c FILE), or NULL; the caller frees it. A relative path
 * begins at the folder of the file with that line. */
static char *included(const char *line, const char *file)
{
	static const char *const options[] = {"--requirement", "--constraint", "-r", "-c"};
	const char *slash = strrchr(file, '/');

	for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
		size_t length = strlen(options[i]);
		const char *name = line + length;

		if (strncmp(line, options[i], length) != 0)
			continue;
		name += strspn(name, " \t=");
		length = strcspn(name, blanks);
		if (length == 0 || memmem(name, length, "://", 3) != NULL)
			return NULL;
		if (*name == '/' || slash == NULL)
			return mem_text_n(name, length);
		return mem_printf("%.*s/%.*s", (int)(slash - file), file, (int)length, name);
	}
	return NULL;
}

/* Whether a line may name something beside the handler, so that equal texts can mean other things.
 */
static bool names_a_path(const char *line)
{
	return *line == '-' || (*line != '#' && memchr(line, '/', strcspn(line, "\n")) != NULL);
}

struct hashing {
	uint64_t mix;
	bool paths, hashed; /* what a line names */
	struct stat *seen; /* the files: each is read once, however often it is included */
	size_t seen_count;
};

static bool is_new(struct hashing *hashing, const char *file)
{
	struct stat status;

	if (hashing->seen_count == FILES_MAX || stat(file, &status) < 0)
		return false;
	for (size_t i = 0; i < hashing->seen_count; i++)
		if (hashing->seen[i].st_ino == status.st_ino && hashing->seen[i].st_dev == status.st_dev)
			return false;
	hashing->seen = mem_grow(hashing->seen, hashing->seen_count + 1, sizeof *hashing->seen);
	hashing->seen[hashing->seen_count++] = status;
	return true;
}

static void hash_file(struct hashing *hashing, const char *text, const char *file, int depth);

static void hash_included(struct hashing *hashing, const char *line, const char *file, int depth)
{
	char *other = depth < DEPTH_MAX ? included(line, file) : NULL;
	char *text = other == NULL || !is_new(hashing, other) ? NULL : requirements_read(other);

	if (text != NULL)
		hash_file(hashing, text, other, depth + 1);
	free(text);
	free(other);
}

static void hash_file(struct hashing *hashing, const char *text, const char *file, int depth)
{
	hashing->mix = hash_more(hashing->mix, text, strlen(text) + 1);
	hashing->hashed = hashing->hashed || strstr(text, "--hash") != NULL ||
			  strstr(text, "--require-hashes") != NULL;
	while (*text != '\0') {
		const char *line = text + strspn(text, " \t");

		hashing->paths = hashing->paths || names_a_path(line);
		hash_included(hashing, line, file, depth);
		text = strchrnul(text, '\n');
		text += *text == '\n';
	}
}

uint64_t requirements_hash(const char *text, const char *file, bool *paths, bool *hashed)
{
	struct hashing hashing = {.mix = HASH_START};

	is_new(&hashing, file);
	hash_file(&hashing, text, file, 0);
	free(hashing.seen);
	*paths = hashing.paths;
	*hashed = hashing.hashed;
	return hashing.mix;
}
