#include "bruco-source/blame.h"

#include "bruco-source/partition.h"

/* How often a record was begun, by the page of its dead worker, which counts retries in place. The
 * process that wrote it ran the user's code, so its number is bounded: at least one more than the frame
 * says, at most what the worker may try. */
static uint16_t attempts_by(
	const struct blame *blame, const struct frame_head *head, const struct page_snapshot *page)
{
	uint32_t least = head->attempt + 1U;
	uint32_t claimed = page->attempt >= blame->attempts ? blame->attempts : page->attempt + 1;

	if (claimed < least)
		claimed = least;
	return claimed > UINT16_MAX ? UINT16_MAX : (uint16_t)claimed;
}

/* The frame of an event that the worker may have run, or NULL. */
static uint8_t *find_run(
	struct window *window, uint64_t seq, struct frame_head *head, struct window_tag *tag)
{
	uint32_t length;
	const char *why;
	uint8_t *frame = seq > window->written_seq ? NULL : window_frame(window, seq, &length, tag);

	if (frame == NULL || frame_head_read(frame, length, UINT32_MAX, head, &why) != FRAME_OK ||
		head->type == FRAME_TYPE_FAILED) /* which is never run */
		return NULL;
	return frame;
}

/*
 * The event that ran when the worker died has been begun once more than was known. When that was
 * its last attempt it is passed on as failed, not run. One that was waiting for another attempt
 * keeps those that it has had, and is not failed for the death of a worker that did not run it; but
 * when the lane has no successor (onFailure: stop) they may be all used up.
 */
static void blame_one(struct blame *blame, struct window *window, const struct page_snapshot *page,
	uint64_t resume_seq, bool last)
{
	struct partition *partition;
	struct frame_head head;
	struct window_tag tag;
	uint16_t attempts;
	uint8_t *frame = page->seq <= resume_seq ? NULL : find_run(window, page->seq, &head, &tag);

	if (frame == NULL)
		return;
	if (page->state == RUN_RUNNING)
		attempts = attempts_by(blame, &head, page);
	else if (page->attempt > head.attempt &&
		 page->attempt < blame->attempts + (last && blame->anew))
		attempts = (uint16_t)page->attempt;
	else
		return;
	frame_patch(frame, blame_type(blame, attempts), head.flags, attempts, head.seq);
	blame->count++;
	partition = current_partition(&tag);
	if (partition != NULL)
		attempts_set(&partition->attempts, tracker_offset(&partition->tracker, tag.index),
			attempts);
}

/* Marks events that were in flight together: the next worker runs each of them alone, and only one
 * that kills it alone is blamed. */
static void suspect(struct window *window, const struct page_snapshot *page, uint64_t resume_seq)
{
	uint64_t first = page->first > resume_seq ? page->first : resume_seq + 1;
	uint64_t last = page->last < window->written_seq ? page->last : window->written_seq;

	for (uint64_t seq = first; seq <= last; seq++) {
		struct frame_head head;
		struct window_tag tag;
		uint8_t *frame = find_run(window, seq, &head, &tag);

		if (frame != NULL)
			frame_patch(frame, head.type, head.flags | FRAME_ALONE, head.attempt, seq);
	}
}

void blame_death(
	struct blame *blame, struct window *window, const struct message *resume, bool last)
{
	if (resume->page.state == RUN_TOGETHER)
		suspect(window, &resume->page, resume->seq);
	else
		blame_one(blame, window, &resume->page, resume->seq, last);
}

void blame_attempt(
	const struct blame *blame, struct window *window, uint64_t seq, uint32_t attempts)
{
	struct frame_record record;
	struct frame_head head;
	struct window_tag tag;
	struct partition *partition;
	const char *why;
	uint8_t *frame = find_run(window, seq, &head, &tag);

	if (frame == NULL || attempts <= head.attempt || attempts >= blame->attempts ||
		frame_record_read(frame, &head, &record, &why) != FRAME_OK)
		return;
	frame_patch(frame, head.type, head.flags, (uint16_t)attempts, seq);
	partition = tag.owner;
	if (attempts > attempts_get(&partition->attempts, record.offset))
		attempts_set(&partition->attempts, record.offset, (uint16_t)attempts);
}
