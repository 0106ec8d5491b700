#include "kafka/redact.h"

#include <ctype.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "config/secrets.h"

enum { SMALL_MAX = 3, WORD_MAX = 7, PIECE_MIN = 8 };

struct value {
	struct value *next;
	char *name, *text, *shown;
	size_t length;
	bool secret; /* all of it, by the property's name */
};

static struct value *_Atomic values;

static bool is_known(const struct setting *setting)
{
	for (const struct value *value = atomic_load(&values); value != NULL; value = value->next)
		if (strcmp(value->text, setting->value) == 0 &&
			strcmp(value->name, setting->name) == 0)
			return true;
	return false;
}

void redact_learn(const struct settings *properties)
{
	for (size_t i = 0; i < properties->count; i++) {
		const struct setting *setting = &properties->items[i];
		struct value *value;

		if (setting->shown == NULL || setting->value[0] == '\0' || is_known(setting))
			continue;
		value = mem_alloc(sizeof *value);
		value->name = mem_text(setting->name);
		value->text = mem_text(setting->value);
		value->shown = mem_text(setting->shown);
		value->length = strlen(value->text);
		value->secret = secret_name(value->name);
		value->next = atomic_load(&values);
		atomic_store(&values, value);
	}
}

static bool is_word_byte(char byte)
{
	return isalnum((unsigned char)byte) || byte == '_' || (unsigned char)byte >= 0x80;
}

/* Whether the bytes are a word of the text that begins at `start`. */
static bool is_word(const char *start, const char *at, size_t length)
{
	return (at == start || !is_word_byte(at[-1])) && !is_word_byte(at[length]);
}

/* Whether "NAME = " stands before `at`, as librdkafka prints its configuration. */
static bool is_named(const struct value *value, const char *start, const char *at)
{
	size_t name = strlen(value->name), before = (size_t)(at - start);

	return before >= name + 3 && memcmp(at - 3, " = ", 3) == 0 &&
	       memcmp(at - 3 - name, value->name, name) == 0;
}

/* How many bytes at `at` are those of some part of the value. */
static size_t piece_at(const struct value *value, const char *at)
{
	size_t longest = 0;

	for (const char *from = value->text; *from != '\0'; from++) {
		size_t length = 0;

		while (from[length] != '\0' && from[length] == at[length])
			length++;
		if (length > longest)
			longest = length;
	}
	return longest;
}

static bool is_small_match(
	const struct value *value, const char *start, const char *at, enum redact_kind kind)
{
	return is_named(value, start, at) ||
	       (kind == REDACT_REASON && strstr(start, value->name) != NULL);
}

/* How many bytes at `at` are to be hidden because of this value. */
static size_t match_at(
	const struct value *value, const char *start, const char *at, enum redact_kind kind)
{
	size_t length;

	if (strncmp(at, value->text, value->length) == 0 &&
		(value->length > WORD_MAX || is_word(start, at, value->length)) &&
		(value->length > SMALL_MAX || is_small_match(value, start, at, kind)))
		return value->length;
	length = kind == REDACT_REASON && value->secret ? piece_at(value, at) : 0;
	return length >= PIECE_MIN ? length : 0;
}

/* The value that hides most at `at`, or NULL. */
static const struct value *longest_at(
	const char *start, const char *at, enum redact_kind kind, size_t *longest)
{
	const struct value *best = NULL;

	*longest = 0;
	for (const struct value *value = atomic_load(&values); value != NULL; value = value->next) {
		size_t length = match_at(value, start, at, kind);

		if (length > *longest) {
			*longest = length;
			best = value;
		}
	}
	return best;
}

char *redact_text(const char *text, enum redact_kind kind)
{
	struct buf out = {0};
	bool changed = false;
	char *redacted;

	if (atomic_load(&values) == NULL)
		return NULL;
	for (const char *at = text; *at != '\0';) {
		size_t length;
		const struct value *value = longest_at(text, at, kind, &length);

		if (value == NULL) {
			buf_byte(&out, (uint8_t)*at++);
			continue;
		}
		buf_text(&out, value->shown);
		at += length;
		changed = true;
	}
	redacted = changed ? mem_text_n((const char *)out.data, out.length) : NULL;
	buf_release(&out);
	return redacted;
}
