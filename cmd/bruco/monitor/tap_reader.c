#include "bruco/monitor/tap_reader.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/status.h"
#include "frame/limits.h"

enum { READ_SIZE = 64 << 10 };

bool tap_reader_open(struct tap_reader *reader, int pipe_fd, int page_fd)
{
	struct buf in = reader->in;
	int error;

	buf_reset(&in);
	buf_reserve(&in, READ_SIZE);
	*reader = (struct tap_reader){.fd = pipe_fd, .page = tap_page_map(page_fd), .in = in};
	error = errno;
	close(page_fd);
	fd_nonblocking(pipe_fd, true);
	if (reader->page == NULL)
		fd_close(&reader->fd);
	errno = error;
	return reader->page != NULL;
}

void tap_reader_close(struct tap_reader *reader)
{
	fd_close(&reader->fd);
	tap_page_unmap(reader->page);
	reader->page = NULL;
}

/* Reads on, for a frame of this length at `taken`. As read(2). */
static ssize_t fill(struct tap_reader *reader, uint32_t length)
{
	struct buf *in = &reader->in;
	size_t there, room;
	ssize_t got;

	buf_drop(in, reader->taken);
	reader->taken = 0;
	there = in->length;
	room = length > there + READ_SIZE ? length - there : READ_SIZE;
	buf_reserve(in, room);
	do
		got = read(reader->fd, in->data + there, room);
	while (got < 0 && errno == EINTR);
	if (got > 0)
		in->length += (size_t)got;
	return got;
}

static enum tap_news judge_frame(struct tap_reader *reader, const struct frame_head *head)
{
	reader->frame = reader->in.data + reader->taken;
	reader->taken += head->length;
	if (head->type == FRAME_TYPE_EMPTY)
		return TAP_PLACED;
	if (head->type == FRAME_TYPE_END)
		return TAP_REFUSED;
	reader->received++;
	reader->last = head->seq;
	return TAP_RECORD;
}

enum tap_news tap_reader_next(struct tap_reader *reader, struct frame_record *record)
{
	for (;;) {
		const char *why;
		ssize_t got;

		switch (frame_read(reader->in.data + reader->taken,
			reader->in.length - reader->taken, limits_frame(LIMIT_SIZE_MOST), record,
			&why)) {
		case FRAME_OK:
			return judge_frame(reader, &record->head);
		case FRAME_BAD:
			die(STATUS_SOFTWARE, "unreadable tap: %s", why);
		case FRAME_MORE:
			break;
		}
		got = fill(reader, record->head.length);
		if (got < 0 && errno == EAGAIN)
			return TAP_NOTHING;
		if (got <= 0)
			return TAP_ENDED;
	}
}

uint64_t tap_reader_matched(const struct tap_reader *reader)
{
	return atomic_load_explicit(&reader->page->matched, memory_order_acquire);
}

uint64_t tap_reader_left_out(const struct tap_reader *reader)
{
	return atomic_load_explicit(&reader->page->left_out, memory_order_acquire);
}

bool tap_reader_settled(const struct tap_reader *reader, uint64_t matched)
{
	return reader->received + tap_reader_left_out(reader) >= matched;
}

uint64_t tap_reader_skipped(const struct tap_reader *reader)
{
	return reader->last - reader->received;
}
