#include "bruco-source/lanes.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "frame/limits.h"

enum { WRITE_AT_ONCE = 1 << 20 }; /* bytes to one lane before the others have their turn */

/* So many lanes there are from now on, at least. */
static void make(struct lanes *lanes, unsigned count)
{
	for (; lanes->made < count; lanes->made++) {
		struct send_lane *lane = &lanes->items[lanes->made];

		window_init(&lane->window, lanes->window_size);
		lane->limit = UINT64_MAX;
		lane->fd = -1;
	}
}

void lanes_init(struct lanes *lanes, unsigned count, const struct config *config, struct page *page)
{
	*lanes = (struct lanes){.count = count,
		.ordering = config->processor.ordering,
		.window_size = (size_t)config->source.window,
		.window_time_ms = config->source.window_time_ms,
		.size_max = (uint32_t)config->max_record_size,
		.blame = {.attempts = config->processor.retry_attempts,
			.anew = config->processor.on_failure == FAILURE_STOP},
		.page = page,
		.turn_ms = clock_ms()};
	lanes->items = mem_array(LIMIT_LANES, sizeof *lanes->items);
	make(lanes, count);
}

static uint64_t in_hands(const struct send_lane *lane)
{
	return lane->window.queued_seq - lane->read_seq;
}

/* What the worker has done in the last second it will do in the next: more would only make a stop, or
 * a move of the partition, wait. While the pipe is not full this grows from turn to turn, since what
 * is read in less than a second lets more in. */
static void set_limit(const struct lanes *lanes, struct send_lane *lane, int64_t now)
{
	uint64_t least = 2 * (uint64_t)lanes->depth;
	uint64_t soon;

	if (lanes->depth == 0 || lanes->window_time_ms == 0)
		return;
	soon = pace_second(&lane->pace, now, lane->read_seq) * (uint64_t)lanes->window_time_ms /
	       PACE_SECOND_MS;
	lane->limit = soon > least ? soon : least;
}

void lanes_set_depth(struct lanes *lanes, uint32_t depth)
{
	lanes->depth = depth;
	for (unsigned i = 0; i < lanes->made; i++)
		set_limit(lanes, &lanes->items[i], clock_ms());
}

void lanes_set_policy(struct lanes *lanes, uint32_t attempts, bool anew)
{
	lanes->blame.attempts = attempts;
	lanes->blame.anew = anew;
}

void lanes_forget_time(struct lanes *lanes)
{
	lanes->window_time_ms = 0;
	for (unsigned i = 0; i < lanes->made; i++)
		lanes->items[i].limit = UINT64_MAX;
}

static void note_read(const struct lanes *lanes, struct send_lane *lane, uint64_t read)
{
	int64_t now;

	if (read <= lane->read_seq || read > lane->window.written_seq)
		return;
	now = clock_ms();
	lane->read_seq = read;
	pace_note(&lane->pace, now, read);
	set_limit(lanes, lane, now);
	if (in_hands(lane) == 0)
		pace_idle(&lane->pace, now);
}

void lanes_note_read(struct lanes *lanes, unsigned lane, uint64_t read)
{
	if (lane < lanes->made)
		note_read(lanes, &lanes->items[lane], read);
}

void lanes_excuse(struct lanes *lanes)
{
	for (unsigned i = 0; i < lanes->count; i++)
		pace_excuse(&lanes->items[i].pace, clock_ms());
}

void lanes_open(struct lanes *lanes, unsigned lane, int fd)
{
	fd_nonblocking(fd, true);
	lanes->items[lane].fd = fd;
	lanes->items[lane].state = LANE_OPEN;
}

void lanes_spread(struct lanes *lanes, struct spread next)
{
	lanes->next = next;
	lanes->closing = next.count != lanes->count || next.ordering != lanes->ordering;
}

bool lanes_spread_begins(struct lanes *lanes)
{
	if (!lanes->closing || lanes->in_flight > 0)
		return false;
	make(lanes, lanes->next.count);
	lanes->count = lanes->next.count;
	lanes->ordering = lanes->next.ordering;
	lanes->closing = false;
	lanes_set_depth(lanes, lanes->depth); /* new lanes have no limit yet */
	return true;
}

static uint64_t hash(const void *data, size_t length)
{
	uint64_t mix = hash_more(HASH_START, data, length);

	return mix ^ mix >> 32;
}

unsigned lanes_choose(const struct lanes *lanes, unsigned own, const struct frame_record *record)
{
	if (lanes->count == 1)
		return 0;
	switch (lanes->ordering) {
	case ORDERING_PARTITION:
		return own;
	case ORDERING_KEY: /* records without a key keep their partition's order */
		if (record->key_length < 0)
			return own;
		return (unsigned)(hash(record->key, (size_t)record->key_length) % lanes->count);
	case ORDERING_NONE:
		break;
	}
	return LANE_ANY;
}

static bool has_room(const struct send_lane *lane, uint32_t length)
{
	return in_hands(lane) < lane->limit && window_room(&lane->window, length);
}

/* Whether lane a is better than lane b for a record that may take any: its worker lives, it has room,
 * it has fewer bytes under way, in this order. */
static bool better(const struct send_lane *a, const struct send_lane *b, uint32_t length)
{
	if ((a->state == LANE_OPEN) != (b->state == LANE_OPEN))
		return a->state == LANE_OPEN;
	if (has_room(a, length) != has_room(b, length))
		return has_room(a, length);
	return window_bytes(&a->window) < window_bytes(&b->window);
}

static struct send_lane *find_lane(struct lanes *lanes, unsigned lane, uint32_t length)
{
	struct send_lane *best = &lanes->items[0];

	if (lane != LANE_ANY)
		return &lanes->items[lane];
	for (unsigned i = 1; i < lanes->count; i++)
		if (better(&lanes->items[i], best, length))
			best = &lanes->items[i];
	return best;
}

/* When a failure stops the pipeline, whoever starts it again wants it to be tried again. */
static uint16_t attempts_before(
	const struct lanes *lanes, const struct partition *partition, int64_t offset)
{
	uint16_t attempts = attempts_get(&partition->attempts, offset);

	return lanes->blame.anew && attempts >= lanes->blame.attempts ? 0 : attempts;
}

static bool beyond_span(const struct passage *passage)
{
	const struct tracker *tracker = &passage->partition->tracker;

	return passage->waited ? tracker_beyond(tracker, passage->index) : tracker_full(tracker);
}

static void write_frame(struct lanes *lanes, const struct passage *passage, struct window *window,
	uint32_t length)
{
	struct frame_record *record = passage->record;
	uint8_t *place = window_reserve(window, length);

	record->head = (struct frame_head){.type = FRAME_TYPE_FAILED,
		.flags = FRAME_LAST, /* so that it reads as a whole input without a worker too */
		.seq = window_next(window)};
	if (passage->failed) {
		record->head.flags |= FRAME_REASON;
	} else {
		record->head.attempt = attempts_before(lanes, passage->partition, record->offset);
		record->head.type = blame_type(&lanes->blame, record->head.attempt);
	}
	frame_record_write(place, record);
}

/* From here to its acknowledgement. */
static void time_newest(struct send_lane *lane)
{
	lane->timed_seq = lane->window.queued_seq;
	lane->timed_ns = clock_ns();
}

enum dispatch_result lanes_dispatch(struct lanes *lanes, const struct passage *passage)
{
	struct partition *partition = passage->partition;
	struct frame_record *record = passage->record;
	struct window_tag tag = {.owner = partition,
		.epoch = partition->tracker.epoch,
		.time = (uint32_t)lanes->turn_ms};
	uint32_t length = frame_record_size(record, limits_frame(lanes->size_max));
	struct send_lane *lane;

	assert(length > 0);
	lane = find_lane(lanes, passage->lane, length);
	if (lanes->closing || beyond_span(passage) || !has_room(lane, length))
		return DISPATCH_FULL;
	if (in_hands(lane) == 0)
		pace_begin(&lane->pace, clock_ms(), lane->read_seq);
	write_frame(lanes, passage, &lane->window, length);
	/* A stream's records need not have an offset: nothing of it is committed. */
	tag.index = passage->waited ? passage->index
				    : tracker_dispatch(&partition->tracker,
					      record->offset < 0 ? 0 : record->offset);
	window_queue(&lane->window, length, tag);
	lanes->in_flight++;
	page_count(lanes->page, COUNT_RECORDS_IN, 1);
	page_count(lanes->page, COUNT_BYTES_IN, length);
	page_set(lanes->page, COUNT_IN_FLIGHT, lanes->in_flight);
	if (lane->timed_seq == 0)
		time_newest(lane);
	if (taps_any(&lanes->taps))
		taps_offer(&lanes->taps, TAP_IN, record, record->partition);
	return DISPATCH_OK;
}

bool lanes_relaxed(const struct lanes *lanes, unsigned lane)
{
	if (lanes->closing)
		return false;
	if (lane != LANE_ANY)
		return window_bytes(&lanes->items[lane].window) <=
			       lanes->items[lane].window.limit / 2 &&
		       in_hands(&lanes->items[lane]) <= lanes->items[lane].limit / 2;
	for (unsigned i = 0; i < lanes->count; i++)
		if (lanes_relaxed(lanes, i))
			return true;
	return false;
}

bool lanes_span_relaxed(const struct partition *partition)
{
	return partition->tracker.next - partition->tracker.first <= TRACKER_SPAN_MAX / 2;
}

int64_t lanes_estimate(const struct lanes *lanes, unsigned lane, uint64_t more, int64_t now)
{
	int64_t least = INT64_MAX;

	if (lane != LANE_ANY)
		return pace_estimate(&lanes->items[lane].pace, now, lanes->items[lane].read_seq,
			in_hands(&lanes->items[lane]) + more);
	for (unsigned i = 0; i < lanes->count; i++) {
		int64_t one = lanes_estimate(lanes, i, more / lanes->count, now);

		if (one < least)
			least = one;
	}
	return least;
}

int64_t lanes_time_left(const struct lanes *lanes, int64_t now)
{
	int64_t most = 0;

	for (unsigned i = 0; i < lanes->made; i++) {
		const struct send_lane *lane = &lanes->items[i];
		int64_t one = pace_time(&lane->pace, now, lane->read_seq, in_hands(lane));

		if (one > most)
			most = one;
	}
	return most;
}

static void retire(struct lanes *lanes, struct send_lane *lane, uint64_t seq)
{
	struct window_tag tag;
	uint64_t count = 0;

	while (window_acknowledge(&lane->window, seq, &tag)) {
		struct partition *partition = current_partition(&tag);

		count++;
		if (partition == NULL)
			continue;
		if (partition->attempts.count > 0)
			attempts_done(&partition->attempts,
				tracker_offset(&partition->tracker, tag.index));
		if (partition->done != NULL)
			partition->done(partition->owner, tracker_offset(&partition->tracker, tag.index));
		tracker_done(&partition->tracker, tag.epoch, tag.index);
	}
	if (count > 0)
		note_read(lanes, lane, lane->window.acked_seq);
	if (lane->timed_seq != 0 && lane->window.acked_seq >= lane->timed_seq) {
		histogram_add(&lanes->page->times, clock_ns() - lane->timed_ns);
		lane->timed_seq = 0;
	}
	lanes->in_flight -= count;
	page_count(lanes->page, COUNT_RECORDS_OUT, count);
	page_set(lanes->page, COUNT_IN_FLIGHT, lanes->in_flight);
}

bool lanes_write(struct lanes *lanes)
{
	bool good = true;

	for (unsigned i = 0; i < lanes->made; i++) {
		struct send_lane *lane = &lanes->items[i];
		ssize_t written;

		if (lane->state != LANE_OPEN || !window_unsent(&lane->window))
			continue;
		given_note(lanes->given, i, lane->window.queued_seq);
		written = window_write(&lane->window, lane->fd, WRITE_AT_ONCE);
		if (written < 0) {
			/* The worker is dead. Only the sink knows what it read and passed on, and says
			 * so with RESUME: conclude nothing here. */
			lane->state = LANE_DOWN;
			fd_close(&lane->fd);
			good = good && lanes->resumable;
			continue;
		}
		page_count(lanes->page, COUNT_BYTES_OUT, (uint64_t)written);
		if (!lanes->acknowledged)
			lane->told = lane->window.written_seq;
		if (lane->told > lane->window.acked_seq)
			retire(lanes, lane, lane->told);
	}
	return good;
}

size_t lanes_poll(const struct lanes *lanes, struct pollfd *fds)
{
	size_t count = 0;

	for (unsigned i = 0; i < lanes->made; i++)
		if (lanes->items[i].state == LANE_OPEN && window_unsent(&lanes->items[i].window))
			fds[count++] = (struct pollfd){.fd = lanes->items[i].fd, .events = POLLOUT};
	return count;
}

bool lanes_acknowledge(struct lanes *lanes, unsigned lane, uint64_t seq)
{
	struct send_lane *at;

	if (lane >= lanes->made || seq > lanes->items[lane].window.queued_seq)
		return false;
	at = &lanes->items[lane];
	at->told = seq;
	at->liar = at->liar || seq > at->window.written_seq;
	retire(lanes, at, seq);
	return true;
}

bool lanes_owe(const struct lanes *lanes)
{
	for (unsigned i = 0; i < lanes->made; i++)
		if (lanes->items[i].told > lanes->items[i].window.acked_seq)
			return true;
	return false;
}

struct partition *lanes_find(const struct lanes *lanes, unsigned lane, uint64_t seq, int64_t *offset)
{
	struct window_tag tag;
	struct partition *partition;
	uint32_t length;

	if (lane >= lanes->made || window_frame(&lanes->items[lane].window, seq, &length, &tag) == NULL)
		return NULL;
	partition = current_partition(&tag);
	if (partition != NULL)
		*offset = tracker_offset(&partition->tracker, tag.index);
	return partition;
}

void lanes_attempt(struct lanes *lanes, unsigned lane, uint64_t seq, uint32_t attempts)
{
	if (lane < lanes->made)
		blame_attempt(&lanes->blame, &lanes->items[lane].window, seq, attempts);
}

bool lanes_resume(struct lanes *lanes, const struct message *message, int fd)
{
	struct send_lane *lane;

	if (message->lane < LIMIT_LANES)
		make(lanes, message->lane + 1); /* one more, to be used when the driver says so */
	if (message->lane >= LIMIT_LANES ||
		message->seq > lanes->items[message->lane].window.queued_seq) {
		fd_close(&fd);
		return false;
	}
	lane = &lanes->items[message->lane];
	fd_close(&lane->fd);
	lane->resume_seq = message->seq;
	lane->life = message->life;
	lane->liar = false;
	blame_death(&lanes->blame, &lane->window, message, fd < 0);
	page_count(lanes->page, COUNT_RESENT, window_rewind(&lane->window, message->seq));
	retire(lanes, lane, lane->told);
	if (fd < 0)
		lane->state = LANE_GONE;
	else
		lanes_open(lanes, message->lane, fd);
	return true;
}

bool lanes_drained(const struct lanes *lanes)
{
	if (lanes->aside > 0)
		return false;
	for (unsigned i = 0; i < lanes->made; i++) {
		const struct send_lane *lane = &lanes->items[i];

		if (window_empty(&lane->window))
			continue;
		if (lane->state != LANE_GONE || lane->window.acked_seq < lane->resume_seq)
			return false;
	}
	return true;
}

void lanes_close(struct lanes *lanes, bool with_end_frame)
{
	for (unsigned i = 0; i < lanes->made; i++) {
		struct send_lane *lane = &lanes->items[i];
		uint8_t frame[FRAME_HEADER];

		if (lane->state == LANE_OPEN && with_end_frame) {
			frame_end_write(frame, lane->window.queued_seq);
			fd_write_all(lane->fd, frame, sizeof frame);
		}
		fd_close(&lane->fd);
		lane->state = LANE_GONE;
	}
}

/* When the oldest record in the window was dispatched. A tag has the lower half of the time. */
static int64_t oldest_ms(const struct lanes *lanes, struct send_lane *lane)
{
	struct window_tag tag;
	uint32_t length;

	if (window_frame(&lane->window, lane->window.acked_seq + 1, &length, &tag) == NULL)
		return 0;
	return lanes->turn_ms - (uint32_t)((uint32_t)lanes->turn_ms - tag.time);
}

void lanes_show(const struct lanes *lanes, struct board *board, int64_t now)
{
	board->lane_count = lanes->made;
	for (unsigned i = 0; i < lanes->made; i++) {
		struct send_lane *lane = &lanes->items[i];

		board->lanes[i] = (struct board_lane){.state = lane->state,
			.in_hands = in_hands(lane),
			.limit = lane->limit,
			.window = window_bytes(&lane->window),
			.window_limit = lane->window.limit,
			.done = lane->read_seq,
			.rate = pace_second(&lane->pace, now, lane->read_seq),
			.oldest_ms = oldest_ms(lanes, lane)};
	}
}
