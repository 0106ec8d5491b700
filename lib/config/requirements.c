#include "config/requirements.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/hash.h"
#include "base/mem.h"

enum { FILE_MAX = 1 << 20, DEPTH_MAX = 8 };

static const char blanks[] = " \t\r\n";

char *requirements_read(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	char *text = NULL;
	size_t length;
	int error;

	if (fd >= 0)
		text = fd_read_all(fd, FILE_MAX, &length);
	error = errno;
	fd_close(&fd);
	errno = error;
	return text;
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

static uint64_t hash_file(uint64_t mix, const char *text, const char *file, int depth, bool *paths);

static uint64_t hash_included(
	uint64_t mix, const char *line, const char *file, int depth, bool *paths)
{
	char *other = depth < DEPTH_MAX ? included(line, file) : NULL;
	char *text = other == NULL ? NULL : requirements_read(other);

	if (text != NULL)
		mix = hash_file(mix, text, other, depth + 1, paths);
	free(text);
	free(other);
	return mix;
}

static uint64_t hash_file(uint64_t mix, const char *text, const char *file, int depth, bool *paths)
{
	mix = hash_more(mix, text, strlen(text) + 1);
	while (*text != '\0') {
		const char *line = text + strspn(text, " \t");

		*paths = *paths || names_a_path(line);
		mix = hash_included(mix, line, file, depth, paths);
		text = strchrnul(text, '\n');
		text += *text == '\n';
	}
	return mix;
}

uint64_t requirements_hash(const char *text, const char *file, const char *handler_path)
{
	bool paths = false;
	uint64_t mix = hash_file(HASH_START, text, file, 0, &paths);

	return paths ? hash_more(mix, handler_path, strlen(handler_path) + 1) : mix;
}
