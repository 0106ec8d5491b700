#include "state/places.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const char first_line[] = "bruco-places 1\n";
static const char last_line[] = "end\n";

enum { PATH_BYTES_MAX = 4096 };

bool places_can_hold(const char *path)
{
	size_t length = strlen(path);

	for (size_t i = 0; i < length; i++)
		if ((unsigned char)path[i] < 0x20 || path[i] == 0x7f)
			return false;
	return path[0] == '/' && length <= PATH_BYTES_MAX;
}

void places_begin(struct buf *text)
{
	buf_reset(text);
	buf_text(text, first_line);
}

void places_add(struct buf *text, const struct place *place)
{
	buf_printf(text, "%" PRIu64 " %" PRIu64 " %" PRId64 " %" PRIu32 " %016" PRIx64, place->device,
		place->inode, place->offset, place->head_length, place->head_hash);
	if (place->id != 0)
		buf_printf(text, " id=%016" PRIx64, place->id);
	attempts_write(&place->attempts, text);
	buf_printf(text, " %s\n", place->path);
}

void places_end(struct buf *text)
{
	buf_text(text, last_line);
}

/* The number before the next space, which is passed. */
static bool take_number(const char **at, int base, uint64_t most, uint64_t *value)
{
	const char *space = strchr(*at, ' ');
	char *end;

	if (space == NULL || strchr("0123456789abcdef", **at) == NULL || space - *at > 20)
		return false;
	*value = strtoull(*at, &end, base);
	*at = space + 1;
	return end == space && *value <= most;
}

/* Of one line, terminated in place. */
static bool read_place(struct place *place, const char *line)
{
	uint64_t offset, head;
	const char *path;

	if (!take_number(&line, 10, UINT64_MAX, &place->device) ||
		!take_number(&line, 10, UINT64_MAX, &place->inode) ||
		!take_number(&line, 10, INT64_MAX, &offset) || !take_number(&line, 10, PLACE_HEAD, &head) ||
		!take_number(&line, 16, UINT64_MAX, &place->head_hash) || head > offset)
		return false;
	if (strncmp(line, "id=", 3) == 0) {
		line += 3;
		if (!take_number(&line, 16, UINT64_MAX, &place->id))
			return false;
	}
	place->offset = (int64_t)offset;
	place->head_length = (uint32_t)head;
	path = strncmp(line, "attempts=", 9) == 0 ? strchr(line, ' ') : line - 1;
	if (path == NULL || !places_can_hold(path + 1))
		return false;
	attempts_read(&place->attempts, line - 1, (size_t)(path - (line - 1)));
	place->path = mem_text(path + 1);
	return true;
}

static bool read_lines(struct places *places, char *at)
{
	char *end;

	for (; (end = strchr(at, '\n')) != NULL && places->count < PLACES_MAX; at = end + 1) {
		if (strcmp(at, last_line) == 0)
			return true;
		*end = '\0';
		places->items = mem_grow(places->items, places->count + 1, sizeof *places->items);
		places->items[places->count] = (struct place){0};
		if (!read_place(&places->items[places->count], at))
			return false;
		places->count++;
	}
	return false;
}

bool places_read(struct places *places, const char *text, size_t length)
{
	char *copy = mem_text_n(text, length);
	bool good;

	*places = (struct places){0};
	good = strlen(copy) == length && strncmp(copy, first_line, sizeof first_line - 1) == 0 &&
	       read_lines(places, copy + sizeof first_line - 1);
	free(copy);
	if (!good)
		places_release(places);
	return good;
}

void places_release(struct places *places)
{
	for (size_t i = 0; i < places->count; i++)
		free(places->items[i].path);
	free(places->items);
	*places = (struct places){0};
}
