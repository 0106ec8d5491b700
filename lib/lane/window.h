/*
 * A lane's send window at the source, as in TCP: one ring of encoded frames with three marks,
 *
 *      acknowledged  <=  written  <=  queued
 *
 * write(2) sends straight from the ring; an acknowledgement moves the first mark; after a worker's
 * death `written` goes back to the last input that the sink has read whole. Sequence numbers are
 * given here, one a frame, never reused, kept when a frame is sent again. The ring's size is the
 * in-flight limit; a ring that is empty takes any frame, however big.
 *
 * Knows nothing of sockets, partitions or Kafka: each frame carries an opaque tag for its owner.
 */
#ifndef LANE_WINDOW_H
#define LANE_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Given by the owner with a frame, and given back when the frame is acknowledged. */
struct window_tag {
	void *owner;
	uint64_t index;
	uint32_t epoch;
	uint32_t time; /* of the owner's clock */
};

struct window_entry {
	uint64_t start; /* byte positions, counted from the window's birth; ring place is modulo */
	uint32_t length;
	struct window_tag tag;
};

struct window {
	uint8_t *ring;
	size_t capacity; /* bytes of ring */
	size_t limit;    /* the configured size; capacity is more while a bigger frame is in it */
	uint64_t acked;  /* byte position of the oldest frame that is not acknowledged */
	uint64_t queued; /* byte position behind the newest frame */
	uint64_t sent;   /* byte position up to which bytes were written */
	struct window_entry *entries; /* of sequence numbers acked_seq+1 .. queued_seq, modulo */
	size_t entry_capacity;        /* a power of two */
	uint64_t acked_seq;
	uint64_t written_seq; /* the newest frame of which all bytes were written */
	uint64_t queued_seq;
	uint64_t reserved; /* byte position of the frame being encoded */
};

void window_init(struct window *window, size_t limit);

/* Whether a frame of this length may be queued now. */
bool window_room(const struct window *window, size_t length);

/* Room for a frame of `length` contiguous bytes, to be encoded with sequence number
 * window_next(window), then window_queue. Only when window_room said yes. */
uint8_t *window_reserve(struct window *window, size_t length);
uint64_t window_next(const struct window *window);
void window_queue(struct window *window, size_t length, struct window_tag tag);

/* Writes to fd what is queued and not written, up to `most` bytes, until it is all written or the
 * descriptor would block. Returns the bytes written, or -1 with errno (EPIPE...). */
ssize_t window_write(struct window *window, int fd, size_t most);

static inline bool window_unsent(const struct window *window)
{
	return window->sent < window->queued;
}
static inline bool window_empty(const struct window *window)
{
	return window->acked_seq == window->queued_seq;
}
static inline uint64_t window_bytes(const struct window *window)
{
	return window->queued - window->acked;
}

/* Takes the oldest frame with a sequence number <= seq out of the window and gives its tag; false
 * when there is none. Frames that were not written whole are never taken. */
bool window_acknowledge(struct window *window, uint64_t seq, struct window_tag *tag);

/* After a worker's death: everything above resume_seq will be written again; a number below acked_seq
 * means acked_seq. One above what was written, which only a worker that lies has answered, leaves out what is
 * between them. Returns how many frames that were written, at least in part, are sent again. */
uint64_t window_rewind(struct window *window, uint64_t resume_seq);

/* The frame with this sequence number, to be patched in place, and its tag, or NULL when it is not
 * in the window. */
uint8_t *window_frame(
	struct window *window, uint64_t seq, uint32_t *length, struct window_tag *tag);

#endif
