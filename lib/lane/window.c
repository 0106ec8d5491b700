#include "lane/window.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/mem.h"

enum { FIRST_ENTRIES = 1024 };

void window_init(struct window *window, size_t limit)
{
	*window = (struct window){.limit = limit};
	window->capacity = limit;
	window->ring = mem_grow(NULL, limit, 1); /* not touched before it is used */
	window->entry_capacity = FIRST_ENTRIES;
	window->entries = mem_array(FIRST_ENTRIES, sizeof *window->entries);
}

static struct window_entry *entry(const struct window *window, uint64_t seq)
{
	return &window->entries[seq & (window->entry_capacity - 1)];
}

/* Where a frame of this length would start: a frame never wraps, the bytes before it are skipped.
 */
static uint64_t place(const struct window *window, size_t length)
{
	size_t at = (size_t)(window->queued % window->capacity);

	if (at + length <= window->capacity)
		return window->queued;
	return window->queued + (window->capacity - at);
}

bool window_room(const struct window *window, size_t length)
{
	if (window_empty(window))
		return true;
	if (length > window->capacity)
		return false;
	return place(window, length) + length - window->acked <= window->capacity;
}

/* An empty ring may change its size: it grows for a frame that is too big for it and goes back to
 * its limit afterwards. */
static void resize(struct window *window, size_t length)
{
	size_t capacity = length > window->limit ? length : window->limit;

	if (capacity != window->capacity) {
		free(window->ring);
		window->ring = mem_grow(NULL, capacity, 1);
		window->capacity = capacity;
	}
	window->acked = window->queued = window->sent = 0;
}

static void more_entries(struct window *window)
{
	struct window_entry *old = window->entries;
	size_t old_capacity = window->entry_capacity;

	window->entry_capacity *= 2;
	window->entries = mem_array(window->entry_capacity, sizeof *window->entries);
	for (uint64_t seq = window->acked_seq + 1; seq <= window->queued_seq; seq++)
		*entry(window, seq) = old[seq & (old_capacity - 1)];
	free(old);
}

uint8_t *window_reserve(struct window *window, size_t length)
{
	if (window_empty(window))
		resize(window, length);
	assert(window_room(window, length));
	window->reserved = place(window, length);
	return window->ring + window->reserved % window->capacity;
}

uint64_t window_next(const struct window *window)
{
	return window->queued_seq + 1;
}

void window_queue(struct window *window, size_t length, struct window_tag tag)
{
	if (window->queued_seq - window->acked_seq == window->entry_capacity)
		more_entries(window);
	if (window->sent == window->queued) /* nothing is due: skipped bytes needn't be sent */
		window->sent = window->reserved;
	if (window_empty(window))
		window->acked = window->reserved;
	window->queued_seq++;
	*entry(window, window->queued_seq) =
		(struct window_entry){window->reserved, (uint32_t)length, tag};
	window->queued = window->reserved + length;
}

/* Moves written_seq over the frames whose last byte is sent, and sent over skipped bytes. */
static void settle(struct window *window)
{
	while (window->written_seq < window->queued_seq) {
		const struct window_entry *next = entry(window, window->written_seq + 1);

		if (window->sent < next->start)
			break;
		if (window->sent < next->start + next->length)
			return;
		window->written_seq++;
	}
	if (window->written_seq < window->queued_seq)
		window->sent = entry(window, window->written_seq + 1)->start;
}

/* The end of the contiguous bytes to send from `from`: the ring's end, where skipped bytes begin,
 * or the newest frame's end. */
static uint64_t run_end(const struct window *window, uint64_t from)
{
	uint64_t edge = from - from % window->capacity + window->capacity;
	uint64_t seq;

	if (window->queued <= edge)
		return window->queued;
	/* The frames wrap behind `edge`: find the last one before it, by halving. */
	uint64_t low = window->written_seq + 1, high = window->queued_seq;

	while (low < high) {
		seq = low + (high - low + 1) / 2;
		if (entry(window, seq)->start < edge)
			low = seq;
		else
			high = seq - 1;
	}
	return entry(window, low)->start + entry(window, low)->length;
}

ssize_t window_write(struct window *window, int fd, size_t most)
{
	size_t total = 0;

	while (total < most && window_unsent(window)) {
		uint64_t end = run_end(window, window->sent);
		size_t length = (size_t)(end - window->sent);
		ssize_t written;

		if (length > most - total)
			length = most - total;
		written = write(fd, window->ring + window->sent % window->capacity, length);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0 && errno == EAGAIN)
			break;
		if (written < 0)
			return -1;
		window->sent += (uint64_t)written;
		total += (size_t)written;
		settle(window);
		if ((size_t)written < length)
			break;
	}
	return (ssize_t)total;
}

bool window_acknowledge(struct window *window, uint64_t seq, struct window_tag *tag)
{
	if (window->acked_seq >= seq || window->acked_seq >= window->written_seq)
		return false;
	window->acked_seq++;
	*tag = entry(window, window->acked_seq)->tag;
	window->acked = window->acked_seq == window->queued_seq
				? window->queued
				: entry(window, window->acked_seq + 1)->start;
	return true;
}

uint64_t window_rewind(struct window *window, uint64_t resume_seq)
{
	uint64_t before = window->written_seq;
	bool begun;

	if (resume_seq < window->acked_seq)
		resume_seq = window->acked_seq;
	assert(resume_seq <= window->queued_seq);
	begun = before < window->queued_seq && window->sent > entry(window, before + 1)->start;
	window->written_seq = resume_seq;
	window->sent = resume_seq < window->queued_seq ? entry(window, resume_seq + 1)->start : window->queued;
	return resume_seq > before ? 0 : before - resume_seq + (begun ? 1 : 0);
}

uint8_t *window_frame(struct window *window, uint64_t seq, uint32_t *length, struct window_tag *tag)
{
	const struct window_entry *found;

	if (seq <= window->acked_seq || seq > window->queued_seq)
		return NULL;
	found = entry(window, seq);
	*length = found->length;
	*tag = found->tag;
	return window->ring + found->start % window->capacity;
}
