#include "bruco-worker/io/codec.h"

#include <string.h>

#include "frame/limits.h"

static enum frame_result within(const struct frame_record *record, uint32_t cap, const char **why)
{
	switch (limits_check(frame_record_counted(record), record->headers,
		record->header_count, cap)) {
	case LIMIT_TOO_LARGE:
		*why = "record is larger than maxRecordSize";
		return FRAME_BAD;
	case LIMIT_TOO_MANY_HEADERS:
		*why = "too many headers";
		return FRAME_BAD;
	case LIMIT_KEPT:
		break;
	}
	return FRAME_OK;
}

static enum frame_result read_frame(struct input *input, uint32_t cap, const uint8_t **frame,
	struct frame_record *record, const char **why)
{
	size_t available = input_available(input);
	const uint8_t *data = input->data + input->start;
	enum frame_result result = frame_read(data, available, limits_frame(cap), record, why);

	if (result == FRAME_OK && record->head.type == FRAME_TYPE_RECORD)
		result = within(record, cap, why);
	switch (result) {
	case FRAME_OK:
		*frame = data;
		input->start += record->head.length;
		input->position += record->head.length;
		input->wanted = 0;
		break;
	case FRAME_MORE:
		input->wanted = record->head.length;
		if (!input->ended || available == 0)
			break;
		*why = "truncated: the input ends inside the frame that begins here";
		return FRAME_BAD;
	case FRAME_BAD:
		break;
	}
	return result;
}

enum frame_result codec_next_line(
	struct input *input, size_t cap, const uint8_t **line, size_t *length, const char **why)
{
	const uint8_t *from = input->data + input->start;
	size_t available = input_available(input);
	const uint8_t *newline = memchr(from + input->searched, '\n', available - input->searched);

	*length = newline == NULL ? available : (size_t)(newline - from);
	if (*length > cap) {
		input->position++;
		*why = "longer than maxRecordSize";
		return FRAME_BAD;
	}
	if (newline == NULL && (!input->ended || available == 0)) {
		input->searched = available;
		input->wanted = available == input->capacity ? 2 * input->capacity : 0;
		return FRAME_MORE;
	}
	*line = from;
	input->start += *length + (newline != NULL);
	input->position++;
	input->searched = 0;
	input->wanted = 0;
	return FRAME_OK;
}

enum frame_result codec_encode_frame(
	struct frame_record *record, uint32_t cap, const uint8_t **frame, const char **why)
{
	static struct buf bytes;
	uint32_t length = frame_record_size(record, limits_frame(cap));

	record->head.length = length;
	if (length == 0) {
		*why = "record is larger than maxRecordSize";
		return FRAME_BAD;
	}
	if (within(record, cap, why) == FRAME_BAD)
		return FRAME_BAD;
	buf_reset(&bytes);
	buf_reserve(&bytes, length);
	frame_record_write(bytes.data, record);
	*frame = bytes.data;
	return frame_read(bytes.data, length, length, record, why);
}

const struct codec codec_frames = {.unit = "byte", .read = read_frame};
