/*
 * The taps of a stage: pipes through which others see records that pass an edge of it. A tap never
 * waits. What its reader has no room for is left out and counted, and a tap keeps TAP_KEPT bytes
 * for its reader, or one larger frame.
 *
 * In the pipe an empty frame of number 0 comes first: the tap is in place. Or an end frame, and
 * nothing behind it: the stage has TAPS_MAX taps. Then come the records as frames. Their sequence
 * numbers count what the filter lets through, from 1, so that a gap says how many were left out.
 */
#ifndef TAP_TAPS_H
#define TAP_TAPS_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "frame/frame.h"
#include "tap/page.h"

enum {
	TAPS_MAX = 4,      /* in a stage */
	TAP_KEPT = 64 << 10,
	TAP_PIPE = 1 << 20 /* bytes of the pipe, as far as the kernel grants them */
};

struct tap {
	int fd;
	struct tap_page *page;
	struct tap_filter filter; /* not the page's, which the reader could change */
	uint64_t matched, left_out;
	struct buf kept; /* frames for the pipe, */
	size_t written;  /* of which it has taken so many bytes */
	bool full;       /* it took nothing at the last try */
};

struct taps {
	unsigned count; /* zeroed is empty */
	struct tap items[TAPS_MAX];
};

/* Whether there is one at all: the only cost of taps that are not there. */
static inline bool taps_any(const struct taps *taps)
{
	return taps->count > 0;
}

/* Adds a tap with the write end of its pipe and the descriptor of its page, which are taken over. */
void taps_add(struct taps *taps, int pipe_fd, int page_fd);

/* Shows a record that passes this edge; `from` is the partition of its input. The record needs a
 * type, flags and attempt, but no sequence number, and is within the limits of a frame. */
void taps_offer(struct taps *taps, enum tap_edge edge, const struct frame_record *record,
	int32_t from);

/* Fills up to TAPS_MAX entries; returns how many. */
size_t taps_poll(const struct taps *taps, struct pollfd *fds);

/* After poll(2): removes the taps whose reader is gone, and notes which pipes have room. To be
 * called before another tap is added. */
void taps_polled(struct taps *taps, const struct pollfd *fds);

/* Writes what is kept, as far as the pipes take it. To be called once a turn. */
void taps_flush(struct taps *taps);

/* Writes what the pipes take, and closes all. */
void taps_close(struct taps *taps);

#endif
