#include "base/text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

bool text_integer(const char *text, int64_t low, int64_t high, int64_t *value)
{
	char *end;
	long long number;

	if (text[0] != '-' && (text[0] < '0' || text[0] > '9'))
		return false;
	errno = 0;
	number = strtoll(text, &end, 10);
	if (errno != 0 || *end != '\0' || end == text || number < low || number > high)
		return false;
	*value = number;
	return true;
}

struct unit {
	const char *name;
	double factor;
};

static bool scaled(const char *text, const struct unit *units, size_t count, int64_t *value)
{
	char *end;
	double number;

	if (text[0] < '0' || text[0] > '9' || strpbrk(text, "xXpPeE") != NULL)
		return false;
	number = strtod(text, &end);
	while (*end == ' ')
		end++;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(end, units[i].name) != 0)
			continue;
		number *= units[i].factor;
		if (!(number >= 0 && number < 9e18))
			return false;
		*value = (int64_t)llround(number);
		return true;
	}
	return false;
}

bool text_duration(const char *text, int64_t *ms)
{
	static const struct unit units[] = {
		{"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"min", 60000}, {"h", 3600000}};

	return scaled(text, units, sizeof units / sizeof units[0], ms);
}

bool text_size(const char *text, int64_t *bytes)
{
	static const struct unit units[] = {{"", 1}, {"B", 1}, {"KiB", 1024}, {"MiB", 1048576},
		{"GiB", 1073741824}, {"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}};

	return scaled(text, units, sizeof units / sizeof units[0], bytes);
}

bool text_rate(const char *text, int64_t *per_hour)
{
	static const struct unit units[] = {
		{"/s", 3600}, {"/m", 60}, {"/min", 60}, {"/h", 1}};

	return scaled(text, units, sizeof units / sizeof units[0], per_hour);
}

/* Digits of an exact width at *from; moves *from behind them. */
static bool digits(const char **from, int width, int low, int high, int *value)
{
	int number = 0;

	for (int i = 0; i < width; i++) {
		char c = (*from)[i];

		if (c < '0' || c > '9')
			return false;
		number = number * 10 + (c - '0');
	}
	*from += width;
	*value = number;
	return number >= low && number <= high;
}

static bool separator(const char **from, char c)
{
	if (**from != c)
		return false;
	(*from)++;
	return true;
}

static bool zone(const char **from, int *minutes)
{
	char sign = **from;
	int hours, rest;

	*minutes = 0;
	if (sign == '\0')
		return true;
	(*from)++;
	if (sign == 'Z' || sign == 'z')
		return **from == '\0';
	if (sign != '+' && sign != '-')
		return false;
	if (!digits(from, 2, 0, 23, &hours) || !separator(from, ':') ||
		!digits(from, 2, 0, 59, &rest))
		return false;
	*minutes = (hours * 60 + rest) * (sign == '-' ? -1 : 1);
	return **from == '\0';
}

bool text_time(const char *text, int64_t *ms)
{
	struct tm parts = {0}, check;
	int year, month, minutes = 0, fraction = 0;
	time_t seconds;

	if (text[0] == '@')
		return text_integer(text + 1, 0, INT64_MAX, ms);
	if (!digits(&text, 4, 1970, 9999, &year) || !separator(&text, '-') ||
		!digits(&text, 2, 1, 12, &month) || !separator(&text, '-') ||
		!digits(&text, 2, 1, 31, &parts.tm_mday))
		return false;
	parts.tm_year = year - 1900;
	parts.tm_mon = month - 1;
	if (*text != '\0') {
		if (!separator(&text, 'T') && !separator(&text, ' '))
			return false;
		if (!digits(&text, 2, 0, 23, &parts.tm_hour) || !separator(&text, ':') ||
			!digits(&text, 2, 0, 59, &parts.tm_min))
			return false;
		if (separator(&text, ':') && !digits(&text, 2, 0, 60, &parts.tm_sec))
			return false;
		if (separator(&text, '.')) {
			int scale = 100;

			if (*text < '0' || *text > '9')
				return false;
			for (; *text >= '0' && *text <= '9'; text++, scale /= 10)
				fraction += (*text - '0') * scale;
		}
		if (!zone(&text, &minutes))
			return false;
	}
	check = parts;
	seconds = timegm(&check);
	if (check.tm_mday != parts.tm_mday) /* the 30th of February */
		return false;
	*ms = ((int64_t)seconds - minutes * 60) * 1000 + fraction;
	return *ms >= 0;
}

bool text_utf8(const void *data, size_t length)
{
	const uint8_t *at = data, *end = length == 0 ? at : at + length;

	while (at < end) {
		uint32_t code;
		int more;

		if (*at < 0x80) {
			at++;
			continue;
		}
		if (*at >= 0xc2 && *at <= 0xdf) {
			code = *at & 0x1fU;
			more = 1;
		} else if ((*at & 0xf0) == 0xe0) {
			code = *at & 0x0fU;
			more = 2;
		} else if (*at >= 0xf0 && *at <= 0xf4) {
			code = *at & 0x07U;
			more = 3;
		} else {
			return false;
		}
		if (end - at <= more)
			return false;
		for (int i = 1; i <= more; i++) {
			if (!text_continues((char)at[i]))
				return false;
			code = code << 6 | (at[i] & 0x3fU);
		}
		if ((more == 2 && (code < 0x800 || (code >= 0xd800 && code <= 0xdfff))) ||
			(more == 3 && (code < 0x10000 || code > 0x10ffff)))
			return false;
		at += more + 1;
	}
	return true;
}

/* Edit distance with swaps of neighbours counted as one; words longer than 63 are far apart. */
static size_t distance(const char *a, const char *b)
{
	size_t rows[3][64];
	size_t *before = rows[0], *last = rows[1], *row = rows[2];
	size_t la = strlen(a), lb = strlen(b);

	if (la > 63 || lb > 63)
		return 64;
	for (size_t j = 0; j <= lb; j++)
		last[j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t *spare;

		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t best = last[j - 1] + (a[i - 1] != b[j - 1]);

			if (last[j] + 1 < best)
				best = last[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
				before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			row[j] = best;
		}
		spare = before;
		before = last;
		last = row;
		row = spare;
	}
	return last[lb];
}

const char *text_nearest(const char *word, const char *const *candidates, size_t count)
{
	size_t limit = strlen(word) / 3 + 1;
	const char *best = NULL;

	for (size_t i = 0; i < count; i++) {
		size_t far;

		if (strcasecmp(word, candidates[i]) == 0)
			return candidates[i];
		far = distance(word, candidates[i]);
		if (far <= limit && far < strlen(candidates[i])) {
			limit = far - (far > 0);
			best = candidates[i];
			if (far == 0)
				break;
		}
	}
	return best;
}

enum { CHARACTER_MOST = 4 };

size_t text_cut(const void *text, size_t length, size_t most)
{
	const char *bytes = text;
	size_t end = most;

	if (length <= most)
		return length;
	while (end > 0 && most - end < CHARACTER_MOST - 1 && text_continues(bytes[end]))
		end--;
	return text_continues(bytes[end]) ? most : end;
}

bool text_boolean(const char *text, bool *value)
{
	static const char *const words[][2] = {
		{"false", "true"}, {"no", "yes"}, {"off", "on"}, {"0", "1"}, {"", ""}};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		*value = strcasecmp(text, words[i][0]) != 0;
		if (!*value || strcasecmp(text, words[i][1]) == 0)
			return true;
	}
	*value = false;
	return false;
}
