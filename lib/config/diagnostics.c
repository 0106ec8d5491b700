#include "config/diagnostics.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/printable.h"
#include "base/text.h"

static void add_diagnostic(struct diagnostics *, struct config_place, const char *, const char *,
	va_list) __attribute__((format(printf, 4, 0)));

static void add_diagnostic(struct diagnostics *diagnostics, struct config_place place,
	const char *prefix, const char *format, va_list arguments)
{
	va_list again;
	char *message;
	int length;

	va_copy(again, arguments);
	length = vsnprintf(NULL, 0, format, again);
	va_end(again);
	message = mem_alloc((size_t)length + 1);
	vsnprintf(message, (size_t)length + 1, format, arguments);
	diagnostics->items =
		mem_grow(diagnostics->items, diagnostics->count + 1, sizeof *diagnostics->items);
	diagnostics->items[diagnostics->count] = (struct diagnostic){.place = place,
		.order = diagnostics->count,
		.prefix = prefix,
		.text = message};
	diagnostics->count++;
}

void diag_error(struct diagnostics *diagnostics, struct config_place place, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add_diagnostic(diagnostics, place, "", format, arguments);
	va_end(arguments);
	diagnostics->errors++;
}

void diag_warning(
	struct diagnostics *diagnostics, struct config_place place, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add_diagnostic(diagnostics, place, "warning: ", format, arguments);
	va_end(arguments);
}

void diag_info(struct diagnostics *diagnostics, struct config_place place, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add_diagnostic(diagnostics, place, "info: ", format, arguments);
	va_end(arguments);
}

static void append_escaped(struct buf *out, const char *text)
{
	printable_append(PRINTABLE_TEXT, out, text, strlen(text));
}

/* Overrides stand behind all lines, what has no place behind them. */
static unsigned line_for_order(struct config_place place)
{
	return place.line > 0 ? place.line : place.override > 0 ? UINT_MAX - 1 : UINT_MAX;
}

static int by_place(const void *a, const void *b)
{
	const struct diagnostic *left = a, *right = b;
	unsigned left_line = line_for_order(left->place), right_line = line_for_order(right->place);

	if (left_line != right_line)
		return left_line < right_line ? -1 : 1;
	if (left->place.override != right->place.override)
		return left->place.override < right->place.override ? -1 : 1;
	if (left->place.column != right->place.column)
		return left->place.column < right->place.column ? -1 : 1;
	return left->order < right->order ? -1 : 1;
}

/* The key of an override, which ends at its '='; NULL: the place is none. */
static const char *override_key(
	const struct config *config, struct config_place place, size_t *length)
{
	const char *text;

	if (place.override == 0 || place.override > config->overrides.count)
		return NULL;
	text = config->overrides.items[place.override - 1];
	*length = strcspn(text, "=");
	return text;
}

void diag_at(char text[static DIAG_AT_MAX], const struct config *config, struct config_place place)
{
	size_t length;
	const char *key = override_key(config, place, &length);

	if (key != NULL)
		snprintf(text, DIAG_AT_MAX, "--set %.*s", (int)text_cut(key, length, 100), key);
	else
		snprintf(text, DIAG_AT_MAX, "%u:%u", place.line, place.column);
}

void diag_origin(struct buf *out, const struct config *config, struct config_place place)
{
	char at[DIAG_AT_MAX];

	diag_at(at, config, place);
	if (place.override == 0)
		append_escaped(out, config->path != NULL ? config->path : "configuration");
	if (place.line > 0)
		buf_byte(out, ':');
	if (place.line > 0 || place.override > 0)
		append_escaped(out, at);
}

/* What is said of an override need not name its key twice. */
static const char *without_key(
	const struct config *config, const struct diagnostic *diagnostic)
{
	size_t length;
	const char *key = override_key(config, diagnostic->place, &length), *text = diagnostic->text;

	return key != NULL && strncmp(text, key, length) == 0 && strncmp(text + length, ": ", 2) == 0
		       ? text + length + 2
		       : text;
}

size_t diag_write(
	struct diagnostics *diagnostics, const struct config *config, struct buf *out)
{
	size_t errors = diagnostics->errors;

	if (diagnostics->count > 1)
		qsort(diagnostics->items, diagnostics->count, sizeof *diagnostics->items, by_place);
	for (size_t i = 0; i < diagnostics->count; i++) {
		const struct diagnostic *diagnostic = &diagnostics->items[i];

		diag_origin(out, config, diagnostic->place);
		buf_printf(out, ": %s", diagnostic->prefix);
		append_escaped(out, without_key(config, diagnostic));
		buf_byte(out, '\n');
		free(diagnostic->text);
	}
	free(diagnostics->items);
	*diagnostics = (struct diagnostics){0};
	return errors;
}
