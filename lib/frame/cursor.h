/*
 * Walks the frames that stand one behind the other in a piece of memory.
 */
#ifndef FRAME_CURSOR_H
#define FRAME_CURSOR_H

#include "frame/frame.h"

struct frame_cursor {
	const uint8_t *next, *end;
	uint32_t cap; /* the longest frame that is accepted, in bytes */

	/* set by frame_next: */
	const uint8_t *frame;
	struct frame_record record; /* of an empty or end frame only the head is set */
	const char *why;            /* with FRAME_BAD; static storage */
};

static inline struct frame_cursor frame_cursor(const uint8_t *data, size_t length, uint32_t cap)
{
	return (struct frame_cursor){.next = data, .end = length == 0 ? data : data + length, .cap = cap};
}

/* Steps to the next frame. FRAME_MORE: the memory ends here, or inside the frame that begins at
 * `next`. FRAME_BAD: what stands at `next` is no valid frame; the cursor stays there. */
enum frame_result frame_next(struct frame_cursor *cursor);

#endif
