#include "bruco/log/claimed_lines.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/printable.h"
#include "bruco/log/repeats.h"

static const char *const levels[] = {"error", "warning", "info", "debug"};

/* Moves *text behind `part` if it begins with it. */
static bool skip(const char **text, size_t *length, const char *part)
{
	size_t size = strlen(part);

	if (*length < size || memcmp(*text, part, size) != 0)
		return false;
	*text += size;
	*length -= size;
	return true;
}

/* Behind the time, or the journal's priority. */
static bool skip_front(const char **text, size_t *length)
{
	const char *space;

	if (log_format() == FORMAT_JOURNAL)
		return skip(text, length, "<3>") || skip(text, length, "<4>") ||
		       skip(text, length, "<6>") || skip(text, length, "<7>");
	space = memchr(*text, ' ', *length < 32 ? *length : 32);
	if (space == NULL || *length < 20 || (*text)[0] < '0' || (*text)[0] > '9')
		return false;
	*length -= (size_t)(space + 1 - *text);
	*text = space + 1;
	return true;
}

static bool is_text_line(const char *program, const char *text, size_t length)
{
	if (repeats_continues(text, length))
		return true;
	if (!skip_front(&text, &length) || !skip(&text, &length, program) ||
		!skip(&text, &length, ": "))
		return false;
	for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
		if (skip(&text, &length, levels[i]))
			return skip(&text, &length, ": ");
	return false;
}

static bool is_text(const json_t *object, const char *name, const char *want)
{
	const char *value = json_string_value(json_object_get(object, name));

	return value != NULL && (want == NULL || strcmp(value, want) == 0);
}

static bool is_json_line(const char *program, const char *text, size_t length)
{
	json_t *object;
	bool good;

	if (printable_run(PRINTABLE_TEXT, text, length) < length)
		return false;
	object = json_loadb(text, length, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	good = json_is_object(object) && is_text(object, "program", program) &&
	       is_text(object, "time", NULL) && is_text(object, "level", NULL) &&
	       is_text(object, "message", NULL);
	json_decref(object);
	return good;
}

static void show_as_printed(struct buf *out, const char *program, const char *worker,
	const char *text, size_t length)
{
	struct buf copy = {0};
	size_t line_length = 0;
	char *line;

	printable_append(PRINTABLE_TEXT, &copy, text, length);
	buf_byte(&copy, '\0');
	line = log_make(
		LEVEL_WARNING, program, worker, NULL, (const char *)copy.data, &line_length);
	if (line != NULL)
		buf_append(out, line, line_length);
	free(line);
	buf_release(&copy);
}

static void claimed_line(struct buf *out, const char *program, const char *worker, const char *text,
	size_t length)
{
	bool is_json = log_format() == FORMAT_JSON;

	if (length == 0)
		return;
	if (is_json ? !is_json_line(program, text, length) : !is_text_line(program, text, length)) {
		show_as_printed(out, program, worker, text, length);
		return;
	}
	if (is_json)
		buf_append(out, text, length);
	else
		printable_append(PRINTABLE_TEXT, out, text, length);
	buf_byte(out, '\n');
}

void claimed_lines(struct buf *out, const char *program, const char *worker, const char *text,
	size_t length)
{
	while (length > 0) {
		const char *end = memchr(text, '\n', length);
		size_t line = end == NULL ? length : (size_t)(end - text);

		claimed_line(out, program, worker, text, line);
		line += end != NULL;
		text += line;
		length -= line;
	}
}
