/* JSON: an object a line is one event, an object a line one output; lib/json has the keys. */
#include "bruco-worker/io/codec.h"

#include "frame/limits.h"
#include "json/record_json.h"

static enum frame_result read_json(struct input *input, uint32_t cap, const uint8_t **frame,
	struct frame_record *record, const char **why)
{
	static struct buf space;
	static char text[256];
	const uint8_t *line;
	size_t length;
	enum frame_result result = codec_next_line(input, limits_json(cap), &line, &length, why);

	if (result != FRAME_OK)
		return result;
	if (!record_json_read((const char *)line, length, record, &space, text, sizeof text)) {
		*why = text;
		return FRAME_BAD;
	}
	record->head = (struct frame_head){
		.type = FRAME_TYPE_RECORD, .flags = FRAME_LAST, .seq = input->position};
	return codec_encode_frame(record, cap, frame, why);
}

static void write_json(const struct frame_record *record, struct buf *out)
{
	record_json_write(record, out);
}

const struct codec codec_json = {.unit = "line", .read = read_json, .write = write_json};
