#include "bruco/dev/record_text.h"

#include "base/printable.h"

static const char plain[] = "\033[0m", dim[] = "\033[2m", cyan[] = "\033[36m", red[] = "\033[31m",
		  yellow[] = "\033[33m";

static void coloured(
	struct buf *out, const char *colour, bool is_on, const void *text, size_t length)
{
	if (is_on)
		buf_text(out, colour);
	printable_append(PRINTABLE_TEXT, out, text, length);
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
		printable_append(PRINTABLE_TEXT, out, header.name, header.name_length);
		buf_text(out, ": ");
		if (header.value == NULL)
			buf_text(out, "(null)");
		else
			printable_append(PRINTABLE_TEXT, out, header.value, (size_t)header.value_length);
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
		printable_append(PRINTABLE_TEXT, out, record->value, (size_t)record->value_length);
	else
		coloured(out, dim, colour, "(null)", 6);
	buf_byte(out, '\n');
}
