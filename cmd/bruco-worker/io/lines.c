/* Lines: each one, without its newline, is the value of an event; each output's value is a line. */
#include "bruco-worker/io/codec.h"

static enum frame_result read_line(struct input *input, uint32_t cap, const uint8_t **frame,
	struct frame_record *record, const char **why)
{
	const uint8_t *line;
	size_t length;
	enum frame_result result = codec_next_line(input, cap, &line, &length, why);

	if (result != FRAME_OK)
		return result;
	*record = (struct frame_record){.head = {.type = FRAME_TYPE_RECORD, .flags = FRAME_LAST},
		.offset = -1,
		.timestamp = -1,
		.partition = -1,
		.key_length = FRAME_NULL};
	record->head.seq = input->position;
	record->value = line;
	record->value_length = (int32_t)length;
	return codec_encode_frame(record, cap, frame, why);
}

static void write_line(const struct frame_record *record, struct buf *out)
{
	if (record->value_length > 0)
		buf_append(out, record->value, (size_t)record->value_length);
	buf_byte(out, '\n');
}

const struct codec codec_lines = {.unit = "line", .read = read_line, .write = write_line};
