#include "bruco-sink/kinds/record_form.h"

#include "json/record_json.h"

static void append_line(struct buf *out, bool with_keys, const struct frame_record *record)
{
	if (with_keys) {
		if (record->key_length > 0)
			buf_append(out, record->key, (size_t)record->key_length);
		buf_byte(out, '\t');
	}
	if (record->value_length > 0)
		buf_append(out, record->value, (size_t)record->value_length);
	buf_byte(out, '\n');
}

void record_form_append(
	struct buf *out, enum record_format format, bool with_keys, const struct frame_record *record)
{
	switch (format) {
	case RECORD_LINES:
		append_line(out, with_keys, record);
		break;
	case RECORD_JSON:
		record_json_write(record, out);
		break;
	case RECORD_FRAMES:
		buf_reserve(out, record->head.length);
		out->length += frame_record_write(out->data + out->length, record);
		break;
	}
}
