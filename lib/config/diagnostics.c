#include "config/diagnostics.h"

#include <stdarg.h>
#include <stdint.h>
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
	struct buf text = {0};
	char *message;
	va_list again;
	int length;

	va_copy(again, arguments);
	length = vsnprintf(NULL, 0, format, again);
	va_end(again);
	message = mem_alloc((size_t)length + 1);
	vsnprintf(message, (size_t)length + 1, format, arguments);
	buf_text(&text, prefix);
	buf_text(&text, message);
	free(message);
	diagnostics->items =
		mem_grow(diagnostics->items, diagnostics->count + 1, sizeof *diagnostics->items);
	diagnostics->items[diagnostics->count] = (struct diagnostic){.place = place,
		.order = diagnostics->count,
		.text = mem_text_n((const char *)text.data, text.length)};
	diagnostics->count++;
	buf_release(&text);
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

static int by_place(const void *a, const void *b)
{
	const struct diagnostic *left = a, *right = b;
	unsigned left_line = left->place.line - 1, right_line = right->place.line - 1;

	if (left_line != right_line) /* 0 - 1 is the largest number: line 0 is the last */
		return left_line < right_line ? -1 : 1;
	if (left->place.column != right->place.column)
		return left->place.column < right->place.column ? -1 : 1;
	return left->order < right->order ? -1 : 1;
}

size_t diag_write(struct diagnostics *diagnostics, const char *path, struct buf *out)
{
	size_t errors = diagnostics->errors;

	if (diagnostics->count > 1)
		qsort(diagnostics->items, diagnostics->count, sizeof *diagnostics->items, by_place);
	for (size_t i = 0; i < diagnostics->count; i++) {
		const struct diagnostic *diagnostic = &diagnostics->items[i];

		append_escaped(out, path);
		if (diagnostic->place.line > 0)
			buf_printf(out, ":%u:%u", diagnostic->place.line, diagnostic->place.column);
		buf_text(out, ": ");
		append_escaped(out, diagnostic->text);
		buf_byte(out, '\n');
		free(diagnostic->text);
	}
	free(diagnostics->items);
	*diagnostics = (struct diagnostics){0};
	return errors;
}
