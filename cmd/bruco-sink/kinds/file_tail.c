/*
 * What a crash has torn. A line is whole when its newline is there; a frame when all of its bytes are, which only
 * a walk from the first frame on can tell.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "bruco-sink/kinds/file.h"
#include "frame/cursor.h"
#include "frame/limits.h"

enum { CHUNK = 256 << 10 };

static bool read_at(int fd, void *data, size_t length, int64_t from)
{
	ssize_t got = pread(fd, data, length, from);

	if (got >= 0 && (size_t)got < length)
		errno = EIO;
	return got == (ssize_t)length;
}

static int64_t behind_last_line(int fd, int64_t size, int64_t most)
{
	uint8_t *data = mem_alloc(CHUNK);
	int64_t end = size, found = -1;

	while (end > 0 && found < 0 && size - end <= most) {
		int64_t from = end > CHUNK ? end - CHUNK : 0;
		const uint8_t *newline;

		if (!read_at(fd, data, (size_t)(end - from), from)) {
			free(data);
			return -1;
		}
		newline = memrchr(data, '\n', (size_t)(end - from));
		if (newline != NULL)
			found = from + (newline - data) + 1;
		end = from;
	}
	free(data);
	if (found < 0 && size - end > most) {
		errno = EILSEQ;
		return -1;
	}
	return found < 0 ? 0 : found;
}

static int64_t behind_last_frame(int fd, int64_t size)
{
	uint8_t head[FRAME_HEADER];
	int64_t at = 0;

	while (size - at >= (int64_t)sizeof head) {
		struct frame_head read;
		const char *why;

		if (!read_at(fd, head, sizeof head, at))
			return -1;
		if (frame_head_read(head, sizeof head, UINT32_MAX, &read, &why) == FRAME_BAD) {
			errno = EILSEQ;
			return -1;
		}
		if (read.length > size - at)
			break;
		at += read.length;
	}
	return at;
}

int64_t file_whole(int fd, int64_t size, enum record_format format, uint32_t size_max)
{
	if (format == RECORD_FRAMES)
		return behind_last_frame(fd, size);
	return behind_last_line(fd, size, (int64_t)limits_json(size_max));
}
