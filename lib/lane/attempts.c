#include "lane/attempts.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Where the offset is, or belongs. */
static size_t find(const struct attempts *attempts, int64_t offset)
{
	size_t i = 0;

	while (i < attempts->count && attempts->items[i].offset < offset)
		i++;
	return i;
}

static bool found_at(const struct attempts *attempts, size_t i, int64_t offset)
{
	return i < attempts->count && attempts->items[i].offset == offset;
}

static void take_out(struct attempts *attempts, size_t from, size_t to)
{
	if (from == to)
		return;
	memmove(attempts->items + from, attempts->items + to,
		(attempts->count - to) * sizeof attempts->items[0]);
	attempts->count -= to - from;
	attempts->version++;
}

void attempts_set(struct attempts *attempts, int64_t offset, uint16_t count)
{
	size_t i = find(attempts, offset);

	if (!found_at(attempts, i, offset)) {
		if (attempts->count == ATTEMPTS_MAX)
			return;
		memmove(attempts->items + i + 1, attempts->items + i,
			(attempts->count - i) * sizeof attempts->items[0]);
		attempts->count++;
		attempts->items[i].offset = offset;
	}
	attempts->items[i].count = count;
	attempts->version++;
}

uint16_t attempts_get(const struct attempts *attempts, int64_t offset)
{
	size_t i = find(attempts, offset);

	return found_at(attempts, i, offset) ? attempts->items[i].count : 0;
}

void attempts_done(struct attempts *attempts, int64_t offset)
{
	size_t i = find(attempts, offset);

	take_out(attempts, i, i + (found_at(attempts, i, offset) ? 1 : 0));
}

void attempts_done_below(struct attempts *attempts, int64_t offset)
{
	take_out(attempts, 0, find(attempts, offset));
}

void attempts_merge(struct attempts *attempts, const struct attempts *others, int64_t from_offset)
{
	for (size_t i = find(others, from_offset); i < others->count; i++)
		if (others->items[i].count > attempts_get(attempts, others->items[i].offset))
			attempts_set(attempts, others->items[i].offset, others->items[i].count);
}

void attempts_write(const struct attempts *attempts, struct buf *text)
{
	for (size_t i = 0; i < attempts->count; i++)
		buf_printf(text, "%s%lld:%u", i == 0 ? " attempts=" : ",",
			(long long)attempts->items[i].offset, attempts->items[i].count);
}

/* A decimal number; moves *at behind it. False: there is none, or it is beyond INT64_MAX. */
static bool number(const char **at, const char *end, int64_t *value)
{
	const char *start = *at;

	for (*value = 0; *at < end && **at >= '0' && **at <= '9'; (*at)++)
		if (__builtin_mul_overflow(*value, 10, value) ||
			__builtin_add_overflow(*value, **at - '0', value))
			return false;
	return *at > start;
}

static bool word(const char **at, const char *end, const char *text)
{
	size_t length = strlen(text);

	if ((size_t)(end - *at) < length || memcmp(*at, text, length) != 0)
		return false;
	*at += length;
	return true;
}

void attempts_read(struct attempts *attempts, const char *metadata, size_t length)
{
	static const char key[] = " attempts=";
	const char *at = length == 0 ? NULL : memmem(metadata, length, key, strlen(key));
	const char *end = length == 0 ? NULL : metadata + length;
	int64_t offset, count;

	attempts->count = 0;
	attempts->version++;
	if (at == NULL)
		return;
	at += strlen(key);
	do {
		if (!number(&at, end, &offset) || !word(&at, end, ":") ||
			!number(&at, end, &count) || count < 1 || count > ATTEMPTS_COUNT_MAX)
			return;
		attempts_set(attempts, offset, (uint16_t)count);
	} while (word(&at, end, ","));
}
