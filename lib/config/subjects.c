#include "config/subjects.h"

#include <string.h>

/* The length of the token that begins here. */
static size_t token(const char *text, size_t length)
{
	const char *dot = memchr(text, '.', length);

	return dot == NULL ? length : (size_t)(dot - text);
}

static bool is_wildcard(const char *text, size_t length)
{
	return length == 1 && (text[0] == '*' || text[0] == '>');
}

const char *subject_problem(const char *subject, size_t length, bool wildcards)
{
	const char *end = subject + length;

	for (const char *at = subject; at < end; at++)
		if ((unsigned char)*at <= ' ' || *at == 0x7f)
			return "has a blank or a control character";
	for (;;) {
		size_t size = token(subject, (size_t)(end - subject));

		if (size == 0)
			return "has an empty token";
		if (!wildcards && is_wildcard(subject, size))
			return "has a wildcard";
		if (subject + size == end)
			return NULL;
		if (size == 1 && subject[0] == '>')
			return "goes on behind '>'";
		subject += size + 1;
	}
}

bool subject_matches(const char *pattern, const char *subject, size_t length)
{
	const char *end = subject + length;

	for (;;) {
		size_t wanted = strcspn(pattern, "."), size = token(subject, (size_t)(end - subject));

		if (wanted == 1 && pattern[0] == '>')
			return true;
		if (!(wanted == 1 && pattern[0] == '*') &&
			(wanted != size || memcmp(pattern, subject, size) != 0))
			return false;
		if (pattern[wanted] == '\0' || subject + size == end)
			return pattern[wanted] == '\0' && subject + size == end;
		pattern += wanted + 1;
		subject += size + 1;
	}
}
