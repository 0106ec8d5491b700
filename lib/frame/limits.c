#include "frame/limits.h"

bool limits_of_failure(const struct frame_header *header)
{
	static const char *const names[] = {"error", "traceback", "attempts", "topic", "partition",
		"offset", "worker", "without", "timestamp", "key"};
	static const char front[] = "bruco-";
	size_t length = sizeof front - 1;

	if (header->name_length <= length || memcmp(header->name, front, length) != 0)
		return false;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (header->name_length - length == strlen(names[i]) &&
			memcmp(header->name + length, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

enum limit_fault limits_check(
	size_t size, const uint8_t *headers, uint32_t header_count, uint32_t size_max)
{
	size_t bytes = 0;
	uint32_t count = 0;

	if (size <= size_max && header_count <= LIMIT_HEADERS)
		return LIMIT_KEPT;
	for (uint32_t i = 0; i < header_count; i++) {
		const uint8_t *from = headers;
		struct frame_header header;

		frame_header_next(&headers, &header);
		if (!limits_of_failure(&header))
			continue;
		bytes += (size_t)(headers - from);
		count++;
	}
	if (header_count - (count < LIMIT_FAILURE_HEADERS ? count : LIMIT_FAILURE_HEADERS) >
		LIMIT_HEADERS)
		return LIMIT_TOO_MANY_HEADERS;
	if (size - (bytes < LIMIT_FAILURE_BYTES ? bytes : LIMIT_FAILURE_BYTES) > size_max)
		return LIMIT_TOO_LARGE;
	return LIMIT_KEPT;
}
