#include "bruco-sink/lane.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/status.h"
#include "bruco-sink/failure_policy.h"
#include "bruco-sink/tapped.h"
#include "bruco-sink/tickets.h"
#include "frame/cursor.h"

void lane_init(struct receive_lane *lane, uint32_t size_max, bool strict)
{
	*lane = (struct receive_lane){.fd = -1};
	intake_init(&lane->intake, size_max, strict);
}

void lane_open(struct receive_lane *lane, int fd)
{
	fd_nonblocking(fd, true);
	lane->fd = fd;
	lane->state = LANE_OPEN;
}

bool lane_wants(const struct receive_lane *lane)
{
	return lane->state == LANE_OPEN;
}

bool lane_ended(const struct receive_lane *lane)
{
	return lane->state == LANE_AT_END || lane->state == LANE_GONE;
}

static void broken(struct sink *sink, unsigned index, const char *why)
{
	struct receive_lane *lane = &sink->lanes[index];
	struct message message = {.type = MESSAGE_BROKEN, .lane = index, .life = lane->life};

	if (sink->stage.control < 0) {
		log_error("%s (input %llu, before byte %llu)", why,
			(unsigned long long)lane->intake.last + 1,
			(unsigned long long)lane->intake.position);
		sink_fail(sink, STATUS_DATA);
	} else {
		log_error("worker %u sent a bad frame: %s", index, why);
		message_send(sink->stage.control, &message, NULL, 0);
	}
	lane->state = LANE_BROKEN;
}

/* ---- putting an input's outputs */

static bool is_failure(const struct sink *sink, const struct frame_record *record)
{
	return record->head.type == FRAME_TYPE_FAILED &&
	       (sink->stage.control >= 0 || !sink->out.kind->passes_failed);
}

/* NULL, or why this output can't be delivered. */
static const char *refuse(const struct sink *sink, const struct frame_record *record)
{
	return is_failure(sink, record) ? NULL : destination_refuse(&sink->out, record);
}

/* Checks all of an input's outputs before the first is put: one that is refused concerns all of its
 * event. False when the input is not taken. */
static bool acceptable(struct sink *sink, unsigned index, struct receive_lane *lane)
{
	const struct input *input = &lane->input;
	bool stops = sink->config->processor.on_failure == FAILURE_STOP;
	struct frame_cursor cursor = frame_cursor(input->frames, input->length, sink->cap);
	const struct frame_record *record = &cursor.record;
	enum frame_result result;

	lane->refused = false;
	lane->judged_seq = 0;
	while ((result = frame_next(&cursor)) == FRAME_OK) {
		const char *why;

		if (!frame_has_record(&record->head))
			continue;
		if (record->head.seq < input->first || record->head.seq > input->last) {
			broken(sink, index, "sequence number is not of its input");
			return false;
		}
		why = refuse(sink, record);
		lane->refused = lane->refused || why != NULL;
		if (stops && (why != NULL || is_failure(sink, record))) {
			failure_put(sink, index, record, why, 0);
			return false;
		}
	}
	if (result == FRAME_BAD)
		broken(sink, index, cursor.why);
	return result != FRAME_BAD;
}

/* Whether one of the outputs of the event that is to be put next is refused. They stand together, and are looked
 * through once. */
static bool event_refused(const struct sink *sink, struct receive_lane *lane, uint64_t seq)
{
	struct frame_cursor cursor = frame_cursor(
		lane->input.frames + lane->put, lane->input.length - lane->put, sink->cap);

	if (lane->judged_seq == seq)
		return lane->judged_refused;
	lane->judged_seq = seq;
	lane->judged_refused = false;
	while (!lane->judged_refused && frame_next(&cursor) == FRAME_OK &&
		frame_has_record(&cursor.record.head) && cursor.record.head.seq == seq)
		lane->judged_refused = refuse(sink, &cursor.record) != NULL;
	return lane->judged_refused;
}

static enum put_result put(
	struct sink *sink, unsigned index, const struct frame_record *record, uint64_t ticket)
{
	enum put_result result;
	const char *why;

	if (is_failure(sink, record))
		return failure_put(sink, index, record, NULL, ticket);
	if (sink->lanes[index].refused &&
		event_refused(sink, &sink->lanes[index], record->head.seq)) {
		why = refuse(sink, record);
		return failure_put(sink, index, record,
			why != NULL ? why : another_refused, ticket);
	}
	result = destination_put(&sink->out, record, ticket);
	if (result == PUT_REFUSED)
		return failure_put(sink, index, record, sink->out.why, ticket);
	if (result != PUT_FULL && taps_any(&sink->taps))
		tap_output(sink, record);
	return result;
}

/* Puts the rest of the open input. False when the kind is full. */
static bool put_open_input(struct sink *sink, unsigned index)
{
	struct receive_lane *lane = &sink->lanes[index];

	if (lane->put == lane->input.length)
		return true; /* none is open */
	while (lane->put < lane->input.length) {
		struct frame_record record;
		uint64_t ticket;

		frame_read_own(lane->input.frames + lane->put, &record);
		if (frame_has_record(&record.head)) {
			ticket = ticket_new(sink, index, &record);
			switch (put(sink, index, &record, ticket)) {
			case PUT_FULL:
			case PUT_REFUSED:
				return false;
			case PUT_SKIPPED:
				break;
			case PUT_UNDER_WAY:
				deliveries_wait(
					&lane->deliveries, ticket_number(sink, ticket), 1);
				page_set(sink->page, COUNT_UNDER_WAY, ++sink->under_way);
				break;
			case PUT_DELIVERED:
				page_count(sink->page, COUNT_RECORDS_OUT, 1);
				break;
			case PUT_TRANSACTED:
				sink->cut.outputs++;
				break;
			}
			lane->outputs++;
		}
		lane->put += record.head.length;
	}
	if (lane->outputs == 0)
		page_count(sink->page, COUNT_FILTERED, lane->input.last - lane->input.first + 1);
	/* Only now may it count as done: as long as a part was not put, nothing waited for it. */
	deliveries_seal(&lane->deliveries, lane->base + (lane->input.last - lane->input.first) + 1);
	return true;
}

bool lane_put_inputs(struct sink *sink, unsigned index)
{
	struct receive_lane *lane = &sink->lanes[index];

	if (!put_open_input(sink, index))
		return false;
	lane->intake.given = given_to(sink->given, index);
	while (sink->status == STATUS_OK) {
		if (cut_holds(sink))
			return false;
		switch (intake_next(&lane->intake, &lane->input)) {
		case INTAKE_BAD:
			lane->input.length = lane->put = 0;
			broken(sink, index, lane->intake.why);
			return true;
		case INTAKE_MORE:
			lane->input.length = lane->put = 0;
			return true;
		case INTAKE_INPUT:
			break;
		}
		lane->put = lane->input.length;
		if (lane->input.end) {
			if (sink->out.kind->end != NULL && sink->stage.control < 0)
				sink->out.kind->end(sink->out.state);
			continue;
		}
		if (!acceptable(sink, index, lane)) {
			lane->intake.last = lane->input.first - 1; /* it was not taken */
			return true;
		}
		lane->base = lane->deliveries.last;
		deliveries_add(
			&lane->deliveries, lane->base + (lane->input.last - lane->input.first) + 1);
		cut_took(sink, lane->input.last - lane->input.first + 1, lane->input.length);
		page_count(sink->page, COUNT_RECORDS_IN, lane->input.last - lane->input.first + 1);
		page_count(sink->page, COUNT_BYTES_IN, lane->input.length);
		lane->put = 0;
		lane->outputs = 0;
		if (!put_open_input(sink, index))
			return false;
	}
	return true;
}

bool lane_work(struct sink *sink, unsigned index)
{
	struct receive_lane *lane = &sink->lanes[index];
	ssize_t got;

	/* What a broken lane holds may look right later, when more was given: it is not looked at again. */
	if (lane->state == LANE_NONE || lane->state == LANE_GONE || lane->state == LANE_BROKEN)
		return true;
	if (!lane_put_inputs(sink, index))
		return false;
	if (lane->state != LANE_OPEN || sink->status != STATUS_OK)
		return true;
	got = intake_read(&lane->intake, lane->fd);
	if (got > 0)
		return lane_put_inputs(sink, index);
	if (got < 0 && errno == EAGAIN)
		return true;
	lane->state = LANE_AT_END;
	if (sink->stage.control < 0 && intake_torn(&lane->intake)) {
		log_error("input is truncated (standard input, byte %llu)",
			(unsigned long long)lane->intake.position);
		sink_fail(sink, STATUS_DATA);
	}
	return true;
}
