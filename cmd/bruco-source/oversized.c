#include "oversized.h"

#include <stdio.h>
#include <string.h>

enum { ERROR_MAX = 160 };

static void add_error(struct frame_record *letter, struct buf *headers, const char *error)
{
	static const char name[] = "bruco-error";
	struct frame_header header = {.name = name,
		.name_length = sizeof name - 1,
		.value = (const uint8_t *)error,
		.value_length = (int32_t)strlen(error)};

	buf_reserve(headers, frame_header_size(header.name_length, header.value_length));
	headers->length += frame_header_write(headers->data + headers->length, &header);
	letter->headers = headers->data;
	letter->headers_length = (uint32_t)headers->length;
	letter->header_count++;
}

void oversized_letter(struct frame_record *letter, const struct frame_record *record, uint32_t cap,
	struct buf *headers)
{
	static const char *const left_out[] = {"its value is left out",
		"its value and headers are left out", "its value, headers and key are left out"};
	unsigned parts = 0;

	*letter = *record;
	letter->value = NULL;
	letter->value_length = FRAME_NULL;
	do {
		char error[ERROR_MAX];

		if (parts == 2) {
			letter->key = NULL;
			letter->key_length = FRAME_NULL;
		}
		buf_reset(headers);
		letter->header_count = 0;
		if (parts == 0) {
			buf_append(headers, record->headers, record->headers_length);
			letter->header_count = record->header_count;
		}
		snprintf(error, sizeof error,
			"record of %u bytes is larger than maxRecordSize, %u bytes: %s",
			frame_record_size(record, UINT32_MAX), cap, left_out[parts]);
		add_error(letter, headers, error);
	} while (frame_record_size(letter, cap) == 0 && ++parts < 3);
}
