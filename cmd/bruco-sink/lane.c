#include "bruco-sink/lane.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "bruco-sink/failure_policy.h"

void lane_init(struct lane *lane, uint32_t size_max, bool strict)
{
	*lane = (struct lane){.fd = -1};
	intake_init(&lane->intake, size_max, strict);
}

void lane_open(struct lane *lane, int fd)
{
	fd_nonblocking(fd, true);
	lane->fd = fd;
	lane->state = LANE_OPEN;
}

bool lane_wants(const struct lane *lane)
{
	return lane->state == LANE_OPEN;
}

bool lane_ended(const struct lane *lane)
{
	return lane->state == LANE_AT_END || lane->state == LANE_GONE;
}

static void broken(struct stage *stage, unsigned index, const char *why)
{
	struct lane *lane = &stage->lanes[index];
	struct message message = {.type = MESSAGE_BROKEN, .lane = index, .life = lane->life};

	if (stage->control < 0) {
		log_error("%s (input %llu, before byte %llu)", why,
			(unsigned long long)lane->intake.last + 1,
			(unsigned long long)lane->intake.position);
		stage_fail(stage, STATUS_DATA);
	} else {
		log_error("worker %u sent a bad frame: %s", index, why);
		message_send(stage->control, &message, NULL, 0);
	}
	lane->state = LANE_BROKEN;
}

/* ---- putting an input's outputs */

static bool is_failure(const struct stage *stage, const struct frame_record *record)
{
	return record->head.type == FRAME_TYPE_FAILED &&
	       (stage->control >= 0 || !stage->out.kind->passes_failed);
}

/* NULL, or why this output can't be delivered. */
static const char *refuse(const struct stage *stage, const struct frame_record *record)
{
	return is_failure(stage, record) ? NULL : outlet_refuse(&stage->out, record);
}

/* Checks all of an input's outputs before the first is put: one that is refused concerns all of its
 * event. False when the input is not taken. */
static bool acceptable(struct stage *stage, unsigned index, struct lane *lane)
{
	const struct input *input = &lane->input;
	bool stops = stage->config->processor.on_failure == FAILURE_STOP;

	lane->refused = false;
	for (size_t at = 0; at < input->length;) {
		struct frame_head head;
		struct frame_record record;
		const char *why;

		if (frame_head_read(input->frames + at, input->length - at, stage->cap, &head,
			    &why) != FRAME_OK) {
			broken(stage, index, why);
			return false;
		}
		if (head.type == FRAME_TYPE_RECORD || head.type == FRAME_TYPE_FAILED) {
			if (frame_record_read(input->frames + at, &head, &record, &why) !=
				FRAME_OK) {
				broken(stage, index, why);
				return false;
			}
			if (head.seq < input->first || head.seq > input->last) {
				broken(stage, index, "sequence number is not of its input");
				return false;
			}
			why = refuse(stage, &record);
			lane->refused = lane->refused || why != NULL;
			if (stops && (why != NULL || is_failure(stage, &record))) {
				failure_put(stage, index, &record, why, 0);
				return false;
			}
		}
		at += head.length;
	}
	return true;
}

/* Whether one of the outputs of this event in the open input is refused. */
static bool event_refused(const struct stage *stage, const struct lane *lane, uint64_t seq)
{
	for (size_t at = 0; at < lane->input.length;) {
		struct frame_head head;
		struct frame_record record;
		const char *why;

		frame_head_read(
			lane->input.frames + at, lane->input.length - at, stage->cap, &head, &why);
		if (head.seq == seq && head.type != FRAME_TYPE_EMPTY) {
			frame_record_read(lane->input.frames + at, &head, &record, &why);
			if (refuse(stage, &record) != NULL)
				return true;
		}
		at += head.length;
	}
	return false;
}

static enum put_result put(
	struct stage *stage, unsigned index, const struct frame_record *record, uint64_t ticket)
{
	enum put_result result;
	const char *why;

	if (is_failure(stage, record))
		return failure_put(stage, index, record, NULL, ticket);
	if (stage->lanes[index].refused &&
		event_refused(stage, &stage->lanes[index], record->head.seq)) {
		why = refuse(stage, record);
		return failure_put(stage, index, record,
			why != NULL ? why : "another output of its event was refused", ticket);
	}
	result = outlet_put(&stage->out, record, ticket);
	if (result == PUT_REFUSED)
		return failure_put(stage, index, record, stage->out.why, ticket);
	return result;
}

/* A name of its own for each topic that inputs come from, which are few. */
static const char *topic_name(struct stage *stage, const char *name, uint32_t length)
{
	for (size_t i = stage->topic_count; i > 0; i--)
		if (strlen(stage->topics[i - 1]) == length &&
			memcmp(stage->topics[i - 1], name, length) == 0)
			return stage->topics[i - 1];
	stage->topics = mem_grow(stage->topics, stage->topic_count + 1, sizeof *stage->topics);
	return stage->topics[stage->topic_count++] = mem_text_n(name, length);
}

/* What a delivery report will have to be answered with. */
static uint64_t ticket_for(struct stage *stage, unsigned index, const struct frame_record *record)
{
	struct lane *lane = &stage->lanes[index];
	uint64_t number = lane->base + (record->head.seq - lane->input.first) + 1;
	struct frame_place place;

	if (frame_place(record, &place))
		deliveries_set_origin(&lane->deliveries, number,
			(struct origin){topic_name(stage, place.topic, place.topic_length),
				place.offset, place.partition});
	return stage_ticket(index, number, lane->outputs);
}

/* Puts the rest of the open input. False when the kind is full. */
static bool put_open_input(struct stage *stage, unsigned index)
{
	struct lane *lane = &stage->lanes[index];

	if (lane->put == lane->input.length)
		return true; /* none is open */
	while (lane->put < lane->input.length) {
		const uint8_t *frame = lane->input.frames + lane->put;
		struct frame_head head;
		struct frame_record record;
		const char *why;
		uint64_t ticket;

		frame_head_read(frame, lane->input.length - lane->put, stage->cap, &head, &why);
		if (head.type != FRAME_TYPE_EMPTY) {
			frame_record_read(frame, &head, &record, &why);
			ticket = ticket_for(stage, index, &record);
			switch (put(stage, index, &record, ticket)) {
			case PUT_FULL:
			case PUT_REFUSED:
				return false;
			case PUT_SKIPPED:
				break;
			case PUT_UNDER_WAY:
				deliveries_wait(
					&lane->deliveries, stage_ticket_number(stage, ticket), 1);
				stage->under_way++;
				break;
			case PUT_DELIVERED:
				page_count(stage->page, COUNT_RECORDS_OUT, 1);
				break;
			}
			lane->outputs++;
		}
		lane->put += head.length;
	}
	/* Only now may it count as done: as long as a part was not put, nothing waited for it. */
	deliveries_seal(&lane->deliveries, lane->base + (lane->input.last - lane->input.first) + 1);
	return true;
}

void stage_settled(struct stage *stage, uint64_t ticket)
{
	struct lane *lane = &stage->lanes[stage_ticket_lane(ticket)];

	deliveries_done(&lane->deliveries, stage_ticket_number(stage, ticket));
	stage->under_way--;
}

void stage_delivered(struct stage *stage, uint64_t ticket)
{
	stage_settled(stage, ticket);
	page_count(stage->page, COUNT_RECORDS_OUT, 1);
}

/* Takes the inputs that the intake holds whole. False when the kind is full. */
static bool put_inputs(struct stage *stage, unsigned index)
{
	struct lane *lane = &stage->lanes[index];

	if (!put_open_input(stage, index))
		return false;
	while (stage->status == STATUS_OK) {
		switch (intake_next(&lane->intake, &lane->input)) {
		case INTAKE_BAD:
			lane->input.length = lane->put = 0;
			broken(stage, index, lane->intake.why);
			return true;
		case INTAKE_MORE:
			lane->input.length = lane->put = 0;
			return true;
		case INTAKE_INPUT:
			break;
		}
		lane->put = lane->input.length;
		if (lane->input.end) {
			if (stage->out.kind->end != NULL && stage->control < 0)
				stage->out.kind->end(stage->out.state);
			continue;
		}
		if (!acceptable(stage, index, lane)) {
			lane->intake.last = lane->input.first - 1; /* it was not taken */
			return true;
		}
		lane->base = lane->deliveries.last;
		deliveries_add(
			&lane->deliveries, lane->base + (lane->input.last - lane->input.first) + 1);
		page_count(stage->page, COUNT_RECORDS_IN, lane->input.last - lane->input.first + 1);
		page_count(stage->page, COUNT_BYTES_IN, lane->input.length);
		lane->put = 0;
		lane->outputs = 0;
		if (!put_open_input(stage, index))
			return false;
	}
	return true;
}

bool lane_work(struct stage *stage, unsigned index)
{
	struct lane *lane = &stage->lanes[index];
	ssize_t got;

	if (lane->state == LANE_NONE || lane->state == LANE_GONE)
		return true;
	if (!put_inputs(stage, index))
		return false;
	if (lane->state != LANE_OPEN || stage->status != STATUS_OK)
		return true;
	got = intake_read(&lane->intake, lane->fd);
	if (got > 0)
		return put_inputs(stage, index);
	if (got < 0 && errno == EAGAIN)
		return true;
	lane->state = LANE_AT_END;
	if (stage->control < 0 && intake_torn(&lane->intake)) {
		log_error("input is truncated (standard input, byte %llu)",
			(unsigned long long)lane->intake.position);
		stage_fail(stage, STATUS_DATA);
	}
	return true;
}

/* ---- a worker's death */

void lane_succession(struct lane *lane, const struct message *message, int write_fd, int read_fd)
{
	lane->successors =
		mem_grow(lane->successors, lane->successor_count + 1, sizeof *lane->successors);
	lane->successors[lane->successor_count++] = (struct successor){*message, write_fd, read_fd};
	failure_death(lane, message);
}

/* Whether the dead worker's pipe may still hold bytes. A grandchild may keep it open, so this never
 * waits for the end of file: after the reaping the kernel's count is final. */
static bool unread(const struct lane *lane)
{
	int bytes = 0;

	if (lane->state != LANE_OPEN)
		return false;
	return ioctl(lane->fd, FIONREAD, &bytes) == 0 && bytes > 0;
}

static bool tell_source(struct stage *stage, unsigned index, const struct successor *successor)
{
	struct message resume = successor->message;

	resume.type = MESSAGE_RESUME;
	resume.seq = stage->lanes[index].intake.last;
	if (stage->link < 0)
		return true; /* the source is gone: so is the pipeline */
	if (message_send(stage->link, &resume, &successor->write_fd,
		    successor->write_fd >= 0 ? 1 : 0) == 0)
		return true;
	if (errno == EAGAIN) {
		stage->link_full = true;
		return false;
	}
	return true;
}

void lane_succeed(struct stage *stage, unsigned index)
{
	struct lane *lane = &stage->lanes[index];

	while (lane->successor_count > 0) {
		struct successor *next = &lane->successors[0];

		if (lane->put < lane->input.length || unread(lane))
			return;
		if (lane->state != LANE_BROKEN && lane->state != LANE_NONE &&
			!put_inputs(stage, index))
			return;
		if (!tell_source(stage, index, next))
			return;
		if (intake_torn(&lane->intake))
			log_debug("lane %u: dropped %zu bytes of an incomplete input", index,
				lane->intake.buf.length - lane->intake.taken);
		intake_cut(&lane->intake);
		lane->input.length = lane->put = 0;
		fd_close(&lane->fd);
		fd_close(&next->write_fd);
		lane->life = next->message.life;
		if (next->read_fd < 0)
			lane->state = LANE_GONE;
		else
			lane_open(lane, next->read_fd);
		lane->successor_count--;
		memmove(lane->successors, lane->successors + 1,
			lane->successor_count * sizeof *lane->successors);
	}
}
