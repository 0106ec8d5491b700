#include "base/printable.h"

#include <stdint.h>
#include <stdio.h>

#include "base/text.h"

/* The bytes of the UTF-8 character at `at`, and its code; 0: there is none. */
static size_t character(const uint8_t *at, size_t left, uint32_t *code)
{
	size_t length = *at < 0x80 ? 1 : *at < 0xe0 ? 2 : *at < 0xf0 ? 3 : 4;

	*code = *at;
	if (length == 1)
		return 1;
	if (length > left || !text_utf8(at, length))
		return 0;
	*code &= 0xffu >> (length + 1);
	for (size_t i = 1; i < length; i++)
		*code = *code << 6 | (at[i] & 0x3f);
	return length;
}

static bool is_shown(enum printable_form form, uint32_t code)
{
	if (code < 0x80)
		return (code >= 0x20 && code != 0x7f &&
			       !(form == PRINTABLE_JSON && (code == '"' || code == '\\'))) ||
		       (form == PRINTABLE_LINES && (code == '\n' || code == '\t'));
	if (code < 0xa0 || code == 0x61c || code == 0xfeff)
		return false;
	return code != 0x200e && code != 0x200f && !(code >= 0x2028 && code <= 0x202e) &&
	       !(code >= 0x2066 && code <= 0x2069);
}

size_t printable_run(enum printable_form form, const void *at, size_t left)
{
	const uint8_t *bytes = at;
	size_t run = 0;

	while (run < left) {
		uint32_t code;
		size_t length = character(bytes + run, left - run, &code);

		if (length == 0 || !is_shown(form, code))
			break;
		run += length;
	}
	return run;
}

static const char *short_escape(enum printable_form form, uint32_t code)
{
	switch (code) {
	case '\n':
		return "\\n";
	case '\t':
		return "\\t";
	case '\r':
		return "\\r";
	case '"':
		return form == PRINTABLE_JSON ? "\\\"" : NULL;
	case '\\':
		return form == PRINTABLE_JSON ? "\\\\" : NULL;
	default:
		return NULL;
	}
}

size_t printable_escape(
	enum printable_form form, const void *at, size_t left, char escape[PRINTABLE_ESCAPE])
{
	uint8_t byte = *(const uint8_t *)at;
	uint32_t code;
	size_t length = character(at, left, &code);
	const char *known = length == 0 ? NULL : short_escape(form, code);

	if (known != NULL)
		snprintf(escape, PRINTABLE_ESCAPE, "%s", known);
	else if (length == 0)
		snprintf(escape, PRINTABLE_ESCAPE, form == PRINTABLE_JSON ? "\\\\x%02x" : "\\x%02x",
			byte);
	else if (code < 0x80 && form != PRINTABLE_JSON)
		snprintf(escape, PRINTABLE_ESCAPE, "\\x%02x", byte);
	else
		snprintf(escape, PRINTABLE_ESCAPE, "\\u%04x", (unsigned)code);
	return length == 0 ? 1 : length;
}

void printable_append(enum printable_form form, struct buf *out, const void *text, size_t length)
{
	const uint8_t *at = text, *end = length == 0 ? at : at + length;
	char escape[PRINTABLE_ESCAPE];

	while (at < end) {
		size_t run = printable_run(form, at, (size_t)(end - at));

		buf_append(out, at, run);
		at += run;
		if (at == end)
			return;
		at += printable_escape(form, at, (size_t)(end - at), escape);
		buf_text(out, escape);
	}
}
