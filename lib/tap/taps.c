#include "tap/taps.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

static void tap_close(struct tap *tap)
{
	fd_close(&tap->fd);
	tap_page_unmap(tap->page);
	buf_release(&tap->kept);
}

static void tap_remove(struct taps *taps, unsigned index)
{
	tap_close(&taps->items[index]);
	taps->items[index] = taps->items[--taps->count];
}

/* The first bytes of an empty pipe, which has room. */
static void greet(int fd, bool is_refusal)
{
	uint8_t frame[FRAME_HEADER + 8];
	uint32_t length =
		is_refusal ? frame_end_write(frame, 0) : frame_empty_write(frame, 0, 0);

	/* A reader that is gone is noticed later. */
	(void)!write(fd, frame, length);
}

static bool is_valid(const struct tap_filter *filter)
{
	return filter->edge <= TAP_FAILED && filter->key_length <= TAP_KEY_MAX;
}

void taps_add(struct taps *taps, int pipe_fd, int page_fd)
{
	struct tap tap = {.fd = pipe_fd, .page = tap_page_map(page_fd)};

	close(page_fd);
	fd_nonblocking(pipe_fd, true);
	if (tap.page != NULL)
		tap.filter = tap.page->filter;
	if (tap.page == NULL || !is_valid(&tap.filter) || taps->count == TAPS_MAX) {
		if (taps->count == TAPS_MAX)
			greet(pipe_fd, true);
		tap_close(&tap);
		return;
	}
	greet(pipe_fd, false);
	taps->items[taps->count++] = tap;
}

/* ---- writing */

static size_t unwritten(const struct tap *tap)
{
	return tap->kept.length - tap->written;
}

/* A large frame's memory is given back. */
static void forget_written(struct tap *tap)
{
	if (unwritten(tap) > 0)
		buf_drop(&tap->kept, tap->written);
	else if (tap->kept.capacity > 2 * TAP_KEPT)
		buf_release(&tap->kept);
	else
		buf_reset(&tap->kept);
	tap->written = 0;
}

/* That a reader is gone the next poll tells. Until then its pipe takes nothing. */
static void flush(struct tap *tap)
{
	while (unwritten(tap) > 0 && !tap->full) {
		ssize_t written =
			write(tap->fd, tap->kept.data + tap->written, unwritten(tap));

		if (written < 0 && errno == EINTR)
			continue;
		if (written > 0)
			tap->written += (size_t)written;
		else
			tap->full = true;
	}
	if (unwritten(tap) == 0)
		forget_written(tap);
}

static bool has_room(const struct tap *tap, uint32_t length)
{
	return unwritten(tap) == 0 || unwritten(tap) + length <= TAP_KEPT;
}

static void leave_out(struct tap *tap)
{
	atomic_store_explicit(&tap->page->left_out, ++tap->left_out, memory_order_release);
}

/* While frames are kept for a pipe that is full, others are left out. */
static void give(struct tap *tap, const struct frame_record *record)
{
	uint32_t length = frame_record_size(record, UINT32_MAX);
	struct frame_record numbered = *record;

	numbered.head.seq = ++tap->matched;
	atomic_store_explicit(&tap->page->matched, tap->matched, memory_order_release);
	if (!has_room(tap, length))
		flush(tap);
	if (length == 0 || !has_room(tap, length)) {
		leave_out(tap);
		return;
	}
	if (tap->kept.length + length > TAP_KEPT)
		forget_written(tap);
	buf_reserve(&tap->kept, length);
	tap->kept.length += frame_record_write(tap->kept.data + tap->kept.length, &numbered);
}

static bool wants(const struct tap_filter *filter, enum tap_edge edge,
	const struct frame_record *record, int32_t from)
{
	if (filter->edge != edge || (filter->partition >= 0 && filter->partition != from))
		return false;
	return filter->key_length < 0 ||
	       (filter->key_length == record->key_length &&
		       memcmp(filter->key, record->key, (size_t)record->key_length) == 0);
}

void taps_offer(struct taps *taps, enum tap_edge edge, const struct frame_record *record,
	int32_t from)
{
	for (unsigned i = 0; i < taps->count; i++)
		if (wants(&taps->items[i].filter, edge, record, from))
			give(&taps->items[i], record);
}

/* ---- the loop's side */

size_t taps_poll(const struct taps *taps, struct pollfd *fds)
{
	for (unsigned i = 0; i < taps->count; i++)
		fds[i] = (struct pollfd){.fd = taps->items[i].fd,
			.events = taps->items[i].full ? POLLOUT : 0};
	return taps->count;
}

void taps_polled(struct taps *taps, const struct pollfd *fds)
{
	for (unsigned i = taps->count; i-- > 0;)
		if ((fds[i].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0)
			tap_remove(taps, i);
		else if ((fds[i].revents & POLLOUT) != 0)
			taps->items[i].full = false;
}

void taps_flush(struct taps *taps)
{
	for (unsigned i = 0; i < taps->count; i++)
		flush(&taps->items[i]);
}

void taps_close(struct taps *taps)
{
	while (taps->count > 0) {
		flush(&taps->items[0]);
		tap_remove(taps, 0);
	}
}
