/*
 * Texts to values, and the bytes of UTF-8. Every parser takes the whole text or refuses it; nothing
 * is guessed.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool text_integer(const char *text, int64_t low, int64_t high, int64_t *value); /* decimal */
bool text_duration(const char *text, int64_t *ms); /* 200ms 30s 5m 1h; a bare number is seconds */
bool text_size(
	const char *text, int64_t *bytes);     /* 4MiB 64KiB 1GiB 500kB; a bare number is bytes */

/* 100/s 6000/m 2.5/h, as records an hour; without a unit it is none. */
bool text_rate(const char *text, int64_t *per_hour);

/* A point in time, as RFC 3339 (2026-01-31, 2026-01-31T12:00:00Z, with an offset) or as `@` and
 * milliseconds since 1970. In milliseconds since 1970, UTC. */
bool text_time(const char *text, int64_t *ms);

/* What a person writes for yes (true, yes, on, 1) or no (false, no, off, 0, or nothing), in letters of any
 * case. False when it is neither; *value is false then. */
bool text_boolean(const char *text, bool *value);

bool text_utf8(const void *data, size_t length); /* whether it is well-formed UTF-8 */

/* Whether this byte continues a UTF-8 character, so that a text must not be cut before it. */
static inline bool text_continues(char byte)
{
	return ((unsigned char)byte & 0xc0) == 0x80;
}

/* How many of the text's bytes to keep: at most `most`, and no part of a character of UTF-8. In
 * bytes that are not UTF-8 the cut is at `most`. */
size_t text_cut(const void *text, size_t length, size_t most);

/* "%zu partition%s", n, PLURAL(n) */
#define PLURAL(number) ((number) == 1 ? "" : "s")

/* The candidate nearest to `word` by edit distance, if near enough to be a slip; else NULL. */
const char *text_nearest(const char *word, const char *const *candidates, size_t count);

#endif
