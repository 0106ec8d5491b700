#include "bruco-sink/answers.h"

#include <errno.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"

enum { WRITE_AT = 256 << 10 };

void answers_open(struct sink *sink, int fd)
{
	fd_close(&sink->answers);
	sink->answers = fd;
}

/* The source has asked before it gave the record, so that the message is there, if perhaps unread. */
bool answers_wanted(struct sink *sink)
{
	if (sink->answers < 0 && sink->link >= 0)
		sink_read_link(sink);
	return sink->answers >= 0;
}

static void add(struct sink *sink, unsigned lane, const struct frame_record *record)
{
	struct frame_record answer = {.head = {.type = record->head.type, .seq = record->head.seq},
		.offset = -1,
		.timestamp = -1,
		.partition = (int32_t)lane,
		.key_length = FRAME_NULL,
		.value = record->value,
		.value_length = record->value_length,
		.headers = record->headers,
		.header_count = record->header_count,
		.headers_length = record->headers_length};

	buf_reserve(&sink->told, frame_record_size(&answer, UINT32_MAX));
	sink->told.length += frame_record_write(sink->told.data + sink->told.length, &answer);
	if (sink->told.length >= WRITE_AT)
		answers_flush(sink);
}

void answers_output(struct sink *sink, unsigned lane, const struct frame_record *record)
{
	add(sink, lane, record);
}

void answers_failed(struct sink *sink, unsigned lane, uint64_t seq)
{
	struct frame_record failed = {
		.head = {.type = FRAME_TYPE_FAILED, .seq = seq}, .value_length = FRAME_NULL};

	if (seq != 0 && answers_wanted(sink))
		add(sink, lane, &failed);
}

void answers_flush(struct sink *sink)
{
	if (sink->told.length == 0)
		return;
	if (fd_write_all(sink->answers, sink->told.data, sink->told.length) < 0)
		log_debug("cannot write answers: %s", strerror(errno)); /* the source is gone, and the link says so */
	page_count(sink->page, COUNT_BYTES_OUT, sink->told.length);
	buf_reset(&sink->told);
}
