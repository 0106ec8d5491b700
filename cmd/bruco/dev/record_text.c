#include "bruco/dev/record_text.h"

#include "base/text.h"

static const char plain[] = "\033[0m", dim[] = "\033[2m", cyan[] = "\033[36m", red[] = "\033[31m",
		  yellow[] = "\033[33m";

/* How many bytes at `at` are one character that a terminal may show; 0: none. */
static size_t printable(const uint8_t *at, size_t left)
{
	size_t length = *at < 0x80 ? 1 : *at < 0xe0 ? 2 : *at < 0xf0 ? 3 : 4;

	if (*at < 0x20 || *at == 0x7f || length > left || !text_utf8(at, length))
		return 0;
	if (*at == 0xc2 && at[1] < 0xa0) /* the control characters behind ASCII */
		return 0;
	if (*at == 0xe2 && ((at[1] == 0x80 && at[2] >= 0xa8 && at[2] <= 0xae) ||
				   (at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9)))
		return 0; /* ends of lines and changes of direction */
	return length;
}

static void escaped(struct buf *out, const void *text, size_t length)
{
	const uint8_t *at = text, *end = at + length;

	while (at < end) {
		size_t count = printable(at, (size_t)(end - at));

		if (count > 0)
			buf_append(out, at, count);
		else if (*at == '\n')
			buf_text(out, "\\n");
		else if (*at == '\t')
			buf_text(out, "\\t");
		else if (*at == '\r')
			buf_text(out, "\\r");
		else
			buf_printf(out, "\\x%02x", *at);
		at += count > 0 ? count : 1;
	}
}

static void coloured(
	struct buf *out, const char *colour, bool is_on, const void *text, size_t length)
{
	if (is_on)
		buf_text(out, colour);
	escaped(out, text, length);
	if (is_on)
		buf_text(out, plain);
}

static void headers_text(const struct frame_record *record, bool colour, struct buf *out)
{
	const uint8_t *at = record->headers;
	struct frame_header header;

	buf_text(out, colour ? " \033[2m{" : " {");
	for (uint32_t i = 0; i < record->header_count; i++) {
		frame_header_next(&at, &header);
		buf_text(out, i > 0 ? ", " : "");
		escaped(out, header.name, header.name_length);
		buf_text(out, ": ");
		if (header.value == NULL)
			buf_text(out, "(null)");
		else
			escaped(out, header.value, (size_t)header.value_length);
	}
	buf_text(out, colour ? "}\033[0m" : "}");
}

void record_text(const struct frame_record *record, bool is_letter, bool colour, struct buf *out)
{
	coloured(out, is_letter ? red : cyan, colour, record->topic, record->topic_length);
	if (record->key_length >= 0) {
		buf_text(out, " [");
		coloured(out, yellow, colour, record->key, (size_t)record->key_length);
		buf_byte(out, ']');
	}
	if (record->header_count > 0)
		headers_text(record, colour, out);
	buf_text(out, ": ");
	if (record->value_length >= 0)
		escaped(out, record->value, (size_t)record->value_length);
	else
		coloured(out, dim, colour, "(null)", 6);
	buf_byte(out, '\n');
}
