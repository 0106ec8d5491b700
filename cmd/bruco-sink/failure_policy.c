#include "bruco-sink/failure_policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "bruco-sink/answers.h"
#include "bruco-sink/dead_letter.h"
#include "bruco-sink/deaths.h"
#include "bruco-sink/tapped.h"
#include "bruco-sink/tickets.h"

/* A refused output whose dead letter has found no room yet; its ticket is still under way. */
struct late_letter {
	unsigned lane;
	uint64_t ticket;
	const char *why;
	uint8_t *frame;
	uint32_t length;
};

const char another_refused[] = "another output of its event was refused";

static void log_failure(
	enum log_level level, const struct frame_record *record, const char *error, const char *end)
{
	struct frame_place place;
	bool known = frame_place(record, &place);
	char *target = mem_text_n(record->topic, record->topic_length);
	char *topic = known ? mem_text_n(place.topic, place.topic_length) : NULL;
	struct log_about about = {.topic = topic,
		.partition = known ? place.partition : -1,
		.offset = known ? place.offset : -1,
		.error = error};
	char from[FRAME_TOPIC_MAX + 64] = "", to[FRAME_TOPIC_MAX + 64] = "";

	if (known)
		snprintf(from, sizeof from, " (%s[%d]@%lld", topic, (int)place.partition,
			(long long)place.offset);
	if ((record->head.flags & FRAME_ROUTED) != 0 && record->topic_length > 0)
		snprintf(to, sizeof to, " for '%s'", target);
	else if ((record->head.flags & FRAME_ROUTED) != 0 && record->partition >= 0)
		snprintf(to, sizeof to, " for partition %d", (int)record->partition);
	if (record->head.type == FRAME_TYPE_FAILED)
		log_about(level, &about, "event failed: %s%s%s%u attempt%s)%s", error, from,
			known ? ", " : " (", record->head.attempt,
			PLURAL(record->head.attempt), end);
	else
		log_about(level, &about, "a record%s can't be delivered: %s%s%s%s", to, error,
			from, known ? ")" : "", end);
	free(topic);
	free(target);
}

/* An event counts once, and is told of once, however many of its outputs fail; by its ticket, if it has one. */
static void note_failed(
	struct sink *sink, unsigned lane, uint64_t ticket, enum counter cause, enum put_result result)
{
	uint64_t number = ticket == 0 ? 0 : ticket_number(sink, ticket);

	if (result != PUT_SKIPPED)
		page_count(sink->page, COUNT_LETTERS, 1);
	if (number != 0 && number == sink->lanes[lane].failed)
		return;
	sink->lanes[lane].failed = number;
	answers_failed(sink, lane, number);
	page_count(sink->page, COUNT_FAILED, 1);
	if (cause != COUNT_FAILED)
		page_count(sink->page, cause, 1);
	if (result == PUT_SKIPPED)
		page_count(sink->page, COUNT_SKIPPED, 1);
}

enum put_result failure_put(struct sink *sink, unsigned lane, const struct frame_record *record,
	const char *why, uint64_t ticket)
{
	char *by_worker = why == NULL ? dead_letter_error(record) : NULL;
	char *error = why != NULL ? mem_text(why)
		      : by_worker != NULL
			      ? mem_text(by_worker)
			      : deaths_text(&sink->lanes[lane], record->head.seq);
	enum put_result result = PUT_FULL;
	enum log_level level = why == another_refused ? LEVEL_DEBUG : LEVEL_WARNING;
	bool ending = sink->status != STATUS_OK;

	switch (sink->config->processor.on_failure) {
	case FAILURE_STOP:
		log_failure(LEVEL_ERROR, record, error, "");
		sink_fail(sink, STATUS_FAILED);
		break;
	case FAILURE_SKIP:
		log_failure(level, record, error, ", skipped");
		result = PUT_SKIPPED;
		break;
	case FAILURE_DEAD_LETTER:
		result = dead_letter_put(sink, lane, record, error, by_worker != NULL, ticket);
		if (result != PUT_FULL)
			log_failure(level, record, error, ", to the dead letter");
		break;
	}
	if (result != PUT_FULL)
		note_failed(sink, lane, ticket,
			why != NULL         ? COUNT_REFUSED
			: by_worker != NULL ? COUNT_FAILED
					    : COUNT_DIED,
			result);
	/* Not while it is tried again, but when it ends the sink. */
	if (taps_any(&sink->taps) && !ending && (result != PUT_FULL || sink->status != STATUS_OK))
		tap_failed(sink, lane, record, error, by_worker != NULL);
	free(by_worker);
	free(error);
	return result;
}

/* ---- refused in a delivery report: the ticket is under way and stays so until this is settled */

static bool settle(struct sink *sink, unsigned lane, const struct frame_record *record,
	const char *why, uint64_t ticket)
{
	switch (failure_put(sink, lane, record, why, ticket)) {
	case PUT_SKIPPED:
		ticket_settled(sink, ticket);
		return true;
	case PUT_DELIVERED:
		ticket_delivered(sink, ticket);
		return true;
	case PUT_UNDER_WAY:
	case PUT_TRANSACTED: /* only kinds without transactions refuse in a delivery report */
		return true;
	case PUT_FULL:
	case PUT_REFUSED:
		break;
	}
	return false;
}

/* As it was when it was put: with the place of its input. */
static struct frame_record with_origin(
	struct sink *sink, const struct frame_record *record, uint64_t ticket)
{
	struct origin origin = ticket_origin(sink, ticket);
	struct frame_record known = *record;

	if (origin.topic == NULL)
		return known;
	if ((record->head.flags & FRAME_ROUTED) != 0) {
		known.origin_topic = origin.topic;
		known.origin_topic_length = (uint32_t)strlen(origin.topic);
		known.origin_partition = origin.partition;
		known.origin_offset = origin.offset;
	} else {
		known.topic = origin.topic;
		known.topic_length = (uint32_t)strlen(origin.topic);
		known.partition = origin.partition;
		known.offset = origin.offset;
	}
	return known;
}

void failure_refused(
	struct sink *sink, uint64_t ticket, const struct frame_record *record, const char *why)
{
	unsigned lane = ticket_lane(ticket);
	struct frame_record known = with_origin(sink, record, ticket);
	struct late_letter *late;

	if (sink->status == STATUS_OK && settle(sink, lane, &known, why, ticket))
		return;
	if (sink->status != STATUS_OK) {
		sink->under_way--; /* it is never acknowledged */
		return;
	}
	sink->late = mem_grow(sink->late, sink->late_count + 1, sizeof *sink->late);
	late = &sink->late[sink->late_count++];
	*late = (struct late_letter){.lane = lane, .ticket = ticket, .why = why};
	late->length = frame_record_size(&known, UINT32_MAX);
	late->frame = mem_grow(NULL, late->length, 1);
	frame_record_write(late->frame, &known);
}

void failure_work(struct sink *sink)
{
	while (sink->late_count > 0) {
		struct late_letter *late = &sink->late[0];
		struct frame_record record;

		frame_read_own(late->frame, &record);
		if (sink->status != STATUS_OK ||
			!settle(sink, late->lane, &record, late->why, late->ticket)) {
			if (sink->status == STATUS_OK)
				return;
			sink->under_way--; /* it is never acknowledged */
		}
		free(late->frame);
		sink->late_count--;
		memmove(sink->late, sink->late + 1, sink->late_count * sizeof *sink->late);
	}
}
