#include "bruco/dev/feed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "bruco/dev/child.h"
#include "frame/frame.h"

enum { READ_ROOM = 64 << 10, END_MS = 10000 };

void feed_start(struct feed *feed, const char *address, const char *topic, bool keys)
{
	const char *arguments[] = {
		"bruco-sink", "-q", "kafka", "-b", address, "-t", topic, NULL};

	feed->pid = child_start(arguments, &feed->to, NULL);
	feed->keys = keys;
	feed->topic = mem_text(topic);
	feed->records = 0;
}

void feed_stop(struct feed *feed)
{
	fd_close(&feed->to);
	if (feed->pid > 0)
		spawn_wait(feed->pid, NULL, END_MS);
	feed->pid = 0;
	free(feed->topic);
	feed->topic = NULL;
	buf_release(&feed->frame);
}

static void put_record(struct feed *feed, const char *line, size_t length)
{
	const char *tab = feed->keys ? memchr(line, '\t', length) : NULL;
	size_t skip = tab == NULL ? 0 : (size_t)(tab + 1 - line);
	struct frame_record record = {
		.head = {.type = FRAME_TYPE_RECORD, .flags = FRAME_LAST, .seq = feed->records + 1},
		.offset = -1,
		.timestamp = -1,
		.partition = -1,
		.key_length = tab == NULL ? FRAME_NULL : (int32_t)(tab - line),
		.value_length = (int32_t)(length - skip),
		.key = tab == NULL ? NULL : (const uint8_t *)line,
		.value = (const uint8_t *)line + skip};
	uint32_t size = frame_record_size(&record, FEED_LINE_MOST + FRAME_RECORD);

	buf_reset(&feed->frame);
	buf_reserve(&feed->frame, size);
	frame_record_write(feed->frame.data, &record);
	if (fd_write_all(feed->to, feed->frame.data, size) < 0)
		return; /* the sink is gone, and its end will be seen */
	feed->records++;
	feed->bytes += size;
}

static void take_line(struct feed *feed, const char *line, size_t length)
{
	if (length > FEED_LINE_MOST)
		log_error("a line of %zu bytes is left out: the broker of 'bruco dev' keeps %d MiB",
			length, FEED_LINE_MOST >> 20);
	else if (feed->keys && memchr(line, '\t', length) == NULL)
		log_error("a line without a tab is left out: with -K a line is key, tab, value");
	else
		put_record(feed, line, length);
}

bool feed_read(struct feed *feed)
{
	struct buf *input = &feed->input;
	size_t seen = input->length, start = 0;
	const char *end;
	ssize_t got;

	buf_reserve(input, READ_ROOM);
	got = read(STDIN_FILENO, input->data + input->length, READ_ROOM);
	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	input->length += got > 0 ? (size_t)got : 0;
	while (seen < input->length &&
		(end = memchr(input->data + seen, '\n', input->length - seen)) != NULL) {
		size_t next = (size_t)(end + 1 - (const char *)input->data);

		take_line(feed, (const char *)input->data + start, next - 1 - start);
		start = seen = next;
	}
	buf_drop(input, start);
	if (got > 0)
		return true;
	if (input->length > 0)
		take_line(feed, (const char *)input->data, input->length);
	buf_release(input);
	return false;
}
