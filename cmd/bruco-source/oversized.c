#include "bruco-source/oversized.h"

#include <stdio.h>
#include <string.h>

#include "frame/headers.h"
#include "frame/limits.h"

static size_t size_of(const struct frame_record *record)
{
	return FRAME_RECORD + (size_t)record->headers_length +
	       (record->key_length > 0 ? (size_t)record->key_length : 0) +
	       (record->value_length > 0 ? (size_t)record->value_length : 0);
}

static enum limit_fault fault_of(const struct frame_record *record, uint32_t size_max)
{
	return limits_check(size_of(record), record->headers, record->header_count, size_max);
}

bool oversized_why(const struct frame_record *record, const char *unreadable, uint32_t size_max,
	char why[OVERSIZED_WHY_MAX])
{
	if (unreadable != NULL) {
		snprintf(why, OVERSIZED_WHY_MAX, "%s", unreadable);
		return true;
	}
	switch (fault_of(record, size_max)) {
	case LIMIT_KEPT:
		return false;
	case LIMIT_TOO_LARGE:
		snprintf(why, OVERSIZED_WHY_MAX,
			"record of %zu bytes is larger than maxRecordSize, %u bytes",
			size_of(record), size_max);
		break;
	case LIMIT_TOO_MANY_HEADERS:
		snprintf(why, OVERSIZED_WHY_MAX, "record with %u headers: %d is the most",
			record->header_count, LIMIT_HEADERS);
		break;
	}
	return true;
}

static void add_error(struct frame_record *letter, struct buf *headers, const char *error)
{
	headers_append_text(headers, "bruco-error", error, strlen(error));
	letter->headers = headers->data;
	letter->headers_length = (uint32_t)headers->length;
	letter->header_count++;
}

enum part { PART_VALUE = 1, PART_HEADERS = 2, PART_KEY = 4 };

/* The parts that a letter leaves out, the smallest loss first. */
static const struct {
	unsigned parts;
	const char *text;
} left_out[] = {
	{PART_HEADERS, "its headers are left out"},
	{PART_VALUE, "its value is left out"},
	{PART_VALUE | PART_HEADERS, "its value and headers are left out"},
	{PART_VALUE | PART_HEADERS | PART_KEY, "its value, headers and key are left out"},
};

static void leave_out(struct frame_record *letter, unsigned parts)
{
	if (parts & PART_VALUE) {
		letter->value = NULL;
		letter->value_length = FRAME_NULL;
	}
	if (parts & PART_HEADERS) {
		letter->header_count = 0;
		letter->headers_length = 0;
	}
	if (parts & PART_KEY) {
		letter->key = NULL;
		letter->key_length = FRAME_NULL;
	}
}

void oversized_dead_letter(struct frame_record *letter, const struct frame_record *record,
	const char *why, bool headers_readable, uint32_t size_max, struct buf *headers)
{
	bool by_headers =
		!headers_readable || fault_of(record, size_max) == LIMIT_TOO_MANY_HEADERS;
	char error[OVERSIZED_WHY_MAX + 64];
	size_t i;

	/* Headers alone are left out where they are the fault, the value alone where they are not;
	 * the last entry always fits. */
	for (i = by_headers ? 0 : 1; i + 1 < sizeof left_out / sizeof left_out[0]; i++) {
		*letter = *record;
		leave_out(letter, left_out[i].parts);
		if ((!by_headers || (left_out[i].parts & PART_HEADERS) != 0) &&
			fault_of(letter, size_max) == LIMIT_KEPT)
			break;
	}
	*letter = *record;
	leave_out(letter, left_out[i].parts);
	snprintf(error, sizeof error, "%s: %s", why, left_out[i].text);
	buf_reset(headers);
	buf_append(headers, letter->headers, letter->headers_length);
	add_error(letter, headers, error);
}
