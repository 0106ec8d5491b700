#include "frame/headers.h"

#include <string.h>

void headers_append(struct buf *headers, const struct frame_header *header)
{
	buf_reserve(headers, frame_header_size(header->name_length, header->value_length));
	headers->length += frame_header_write(headers->data + headers->length, header);
}

void headers_append_text(struct buf *headers, const char *name, const char *value, size_t length)
{
	headers_append(headers,
		&(struct frame_header){.name = name,
			.name_length = (uint32_t)strlen(name),
			.value = (const uint8_t *)value,
			.value_length = value == NULL ? FRAME_NULL : (int32_t)length});
}

bool header_is_named(const struct frame_header *header, const char *name)
{
	return header->name_length == strlen(name) &&
	       memcmp(header->name, name, header->name_length) == 0;
}
