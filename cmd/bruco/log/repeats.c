#include "bruco/log/repeats.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"

void repeats_release(struct repeats *repeats)
{
	for (size_t i = 0; i < REPEATS_SLOTS; i++)
		buf_release(&repeats->slots[i].last);
	*repeats = (struct repeats){0};
}

/* ---- entries */

static size_t line_length(const char *text, size_t length)
{
	const char *end = memchr(text, '\n', length);

	return end == NULL ? length : (size_t)(end + 1 - text);
}

bool repeats_continues(const char *text, size_t length)
{
	if (length > 3 && text[0] == '<' && text[2] == '>') { /* the journal's "<3>" */
		text += 3;
		length -= 3;
	}
	return length >= 2 && text[0] == ' ' && text[1] == ' ';
}

size_t repeats_entry(const char *text, size_t length)
{
	size_t entry = line_length(text, length);

	while (entry < length && repeats_continues(text + entry, length - entry))
		entry += line_length(text + entry, length - entry);
	return entry;
}

/* ---- what makes entries equal */

/* Where the text behind the time begins. */
static size_t time_length(const char *entry, size_t length)
{
	const char *mark = log_format() == FORMAT_JSON ? "\", \"" : " ";
	const char *end = NULL;

	if (log_format() != FORMAT_JOURNAL)
		end = memmem(entry, length, mark, strlen(mark));
	return end == NULL ? 0 : (size_t)(end - entry);
}

/* The fields of the record that a JSON line is about, and *end behind them; NULL: there are none. In
 * JSON no text has a bare quote, so that nothing inside of one is taken for them. */
static const char *find_record(const char *text, size_t length, const char **end)
{
	static const char topic[] = ", \"topic\": \"", offset[] = ", \"offset\": ";
	const char *begin = memmem(text, length, topic, strlen(topic));
	const char *last = text + length;

	if (log_format() != FORMAT_JSON || begin == NULL)
		return NULL;
	*end = memmem(begin, (size_t)(last - begin), offset, strlen(offset));
	if (*end == NULL)
		return NULL;
	*end += strlen(offset);
	while (*end < last && (isdigit((unsigned char)**end) || **end == '-'))
		++*end;
	return begin;
}

/* Hashes all digits that stand together as one. */
static uint64_t hash_without_numbers(uint64_t mix, const char *text, size_t length)
{
	size_t begin = 0;

	for (size_t i = 0; i < length; i++) {
		if (!isdigit((unsigned char)text[i]))
			continue;
		mix = hash_more(hash_more(mix, text + begin, i - begin), "0", 1);
		while (i + 1 < length && isdigit((unsigned char)text[i + 1]))
			i++;
		begin = i + 1;
	}
	return hash_more(mix, text + begin, length - begin);
}

static uint64_t key_of(int owner, bool numbers_aside, const char *entry, size_t length)
{
	size_t skip = time_length(entry, length);
	const char *text = entry + skip, *end = text;
	size_t left = length - skip;
	const char *record = find_record(text, left, &end);
	uint64_t mix = hash_more(HASH_START, &owner, sizeof owner);

	if (numbers_aside && memmem(text, left, "]@", 2) == NULL)
		return hash_without_numbers(mix, text, left);
	if (record == NULL)
		return hash_more(mix, text, left);
	mix = hash_more(mix, text, (size_t)(record - text));
	return hash_more(mix, end, left - (size_t)(end - text));
}

/* ---- counting */

/* The slot of this key, whose window may have ended; or one that may be used for it; or NULL. */
static struct repeat *find_slot(struct repeats *repeats, uint64_t key)
{
	struct repeat *oldest = NULL;

	for (size_t i = 0; i < REPEATS_SLOTS; i++) {
		struct repeat *slot = &repeats->slots[i];

		if (slot->until > 0 && slot->key == key)
			return slot;
		if (slot->left_out == 0 && (oldest == NULL || slot->until < oldest->until))
			oldest = slot;
	}
	return oldest;
}

/* A line without its end and, in JSON, without its traceback and brace. */
static size_t front_length(const char *line, size_t length)
{
	static const char traceback[] = ", \"traceback\": \"";
	const char *found = NULL;

	length -= length > 0 && line[length - 1] == '\n';
	if (log_format() != FORMAT_JSON)
		return length;
	length -= length > 0 && line[length - 1] == '}';
	found = memmem(line, length, traceback, strlen(traceback));
	return found == NULL ? length : (size_t)(found - line);
}

bool repeats_show(struct repeats *repeats, int owner, bool numbers_aside, const char *entry,
	size_t length, int64_t now_ms)
{
	uint64_t key = key_of(owner, numbers_aside, entry, length);
	struct repeat *slot = find_slot(repeats, key);

	if (slot == NULL)
		return true;
	if (slot->until == 0 || slot->key != key || (slot->left_out == 0 && now_ms >= slot->until)) {
		slot->key = key;
		slot->until = now_ms + REPEATS_WINDOW_MS;
		slot->shown = 0;
		slot->owner = owner;
	}
	if (slot->shown < REPEATS_SHOWN) {
		slot->shown++;
		return true;
	}
	slot->left_out++;
	buf_reset(&slot->last);
	buf_append(&slot->last, entry, front_length(entry, line_length(entry, length)));
	return false;
}

bool repeats_ended(struct repeats *repeats, int64_t now_ms, int *owner, struct buf *line)
{
	for (size_t i = 0; i < REPEATS_SLOTS; i++) {
		struct repeat *slot = &repeats->slots[i];

		if (slot->left_out == 0 || now_ms < slot->until)
			continue;
		*owner = slot->owner;
		buf_reset(line);
		buf_append(line, slot->last.data, slot->last.length);
		if (log_format() == FORMAT_JSON)
			buf_printf(line, ", \"repeated\": %" PRIu64 "}\n", slot->left_out);
		else
			buf_printf(line, " (repeated %" PRIu64 " more time%s)\n", slot->left_out,
				slot->left_out == 1 ? "" : "s");
		buf_release(&slot->last);
		*slot = (struct repeat){0};
		return true;
	}
	return false;
}

int64_t repeats_deadline(const struct repeats *repeats)
{
	int64_t deadline = -1;

	for (size_t i = 0; i < REPEATS_SLOTS; i++) {
		const struct repeat *slot = &repeats->slots[i];

		if (slot->left_out > 0)
			deadline = clock_sooner(deadline, slot->until);
	}
	return deadline;
}
