#include "failure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "frame/limits.h"
#include "lane/death.h"

/* A refused output whose dead letter has found no room yet; its ticket is still under way. */
struct late_letter {
	unsigned lane;
	uint64_t ticket;
	const char *why;
	uint8_t *frame;
	uint32_t length;
};

const char too_large[] = "message size too large";
const char name_with_nul[] = "NUL byte in a header's name, which Kafka's client can't carry";

/* ---- what is wrong with a record */

void failure_death(struct lane *lane, const struct message *message)
{
	if (message->life == 0 || message->page.state != RUN_RUNNING)
		return;
	lane->deaths[lane->death_count++ % DEATHS_MAX] =
		(struct death){message->page.seq, message->status, message->flags};
}

static const struct death *death_of(const struct lane *lane, uint64_t seq)
{
	for (uint64_t n = lane->death_count; n > 0 && lane->death_count - n < DEATHS_MAX; n--)
		if (lane->deaths[(n - 1) % DEATHS_MAX].seq == seq)
			return &lane->deaths[(n - 1) % DEATHS_MAX];
	return NULL;
}

static char *text_of(const struct death *death)
{
	if (death == NULL) /* its attempts were used up before a restart */
		return mem_text("worker died while the event ran");
	return death_text(death->status, (death->flags & LANE_TIMED_OUT) != 0);
}

static bool named(const struct frame_header *header, const char *name)
{
	return header->name_length == strlen(name) &&
	       memcmp(header->name, name, header->name_length) == 0;
}

/* How many headers at the end are the worker's: bruco-error, and a bruco-traceback if there is one;
 * 0 when it appended none. A record that was read from a dead letter's topic has headers of these
 * names too, but others of ours behind them. */
static uint32_t headers_of_worker(const struct frame_record *record, struct frame_header *error)
{
	const uint8_t *at = record->headers;
	struct frame_header header = {0};
	uint32_t last = 0; /* the error's place, counted from 1 */

	for (uint32_t i = 1; i <= record->header_count; i++) {
		frame_header_next(&at, &header);
		if (named(&header, "bruco-error")) {
			*error = header;
			last = i;
		}
	}
	if (last == 0 || error->value == NULL || error->value_length > LIMIT_FAILURE_TEXT ||
		(!named(&header, "bruco-error") && !named(&header, "bruco-traceback")))
		return 0;
	return record->header_count - last + 1;
}

/* The error that the worker appended, or NULL. */
static char *error_of_worker(const struct frame_record *record)
{
	struct frame_header error;

	if (headers_of_worker(record, &error) == 0)
		return NULL;
	return mem_text_n((const char *)error.value, (size_t)error.value_length);
}

/* ---- the dead letter */

static void add_header(
	struct frame_record *letter, struct buf *headers, const char *name, const char *value)
{
	struct frame_header header = {.name = name,
		.name_length = (uint32_t)strlen(name),
		.value = (const uint8_t *)value,
		.value_length = (int32_t)strlen(value)};

	buf_reserve(headers, frame_header_size(header.name_length, header.value_length));
	headers->length += frame_header_write(headers->data + headers->length, &header);
	letter->header_count++;
}

static void add_number(
	struct frame_record *letter, struct buf *headers, const char *name, int64_t value)
{
	char text[24];

	snprintf(text, sizeof text, "%lld", (long long)value);
	add_header(letter, headers, name, text);
}

/* The record's headers, without what an earlier failure had left; the worker's at the end stay. Those
 * with a NUL byte in their name only if `all`. */
static void copy_headers(struct frame_record *letter, struct buf *headers,
	const struct frame_record *record, bool all)
{
	struct frame_header header;
	uint32_t own = record->header_count - headers_of_worker(record, &header);
	const uint8_t *at = record->headers;

	letter->header_count = 0;
	for (uint32_t i = 0; i < record->header_count; i++) {
		const uint8_t *from = at;

		frame_header_next(&at, &header);
		if (i < own && limits_of_failure(&header))
			continue;
		if (!all && memchr(header.name, '\0', header.name_length) != NULL)
			continue;
		buf_append(headers, from, (size_t)(at - from));
		letter->header_count++;
	}
}

/* The record as it is, with what is known of its failure in headers behind its own. `error`: what the
 * worker has not said. */
static void make_letter(struct frame_record *letter, struct buf *headers, unsigned lane,
	const struct frame_record *record, const char *error, bool all_headers)
{
	bool failed = record->head.type == FRAME_TYPE_FAILED;
	char worker[32];

	*letter = *record;
	buf_reset(headers);
	copy_headers(letter, headers, record, all_headers);
	if (error != NULL)
		add_header(letter, headers, "bruco-error", error);
	if (failed)
		add_number(letter, headers, "bruco-attempts", record->head.attempt);
	if ((record->head.flags & FRAME_ROUTED) == 0 && record->offset >= 0) {
		char *topic = mem_text_n(record->topic, record->topic_length);

		add_header(letter, headers, "bruco-topic", topic);
		add_number(letter, headers, "bruco-partition", record->partition);
		add_number(letter, headers, "bruco-offset", record->offset);
		free(topic);
	}
	snprintf(worker, sizeof worker, "bruco-worker-%u", lane);
	add_header(letter, headers, "bruco-worker", worker);
	letter->headers = headers->data;
	letter->headers_length = (uint32_t)headers->length;
	letter->head.type = FRAME_TYPE_RECORD;
	letter->head.flags = FRAME_LAST;
	letter->head.length = frame_record_size(letter, UINT32_MAX);
}

static enum put_result put_letter(struct stage *stage, unsigned lane,
	const struct frame_record *record, const char *error, uint64_t ticket)
{
	static struct buf headers;
	struct frame_record letter;
	enum put_result result;
	const char *why;
	bool cut;

	make_letter(&letter, &headers, lane, record, error, true);
	why = outlet_refuse(&stage->dead_letter, &letter);
	cut = why == name_with_nul;
	if (cut) {
		make_letter(&letter, &headers, lane, record, error, false);
		why = outlet_refuse(&stage->dead_letter, &letter);
	}
	if (why == NULL) {
		result = outlet_put(&stage->dead_letter, &letter, ticket);
		if (cut && result != PUT_FULL)
			log_warning("a dead letter lacks the headers with a NUL byte in their names");
		if (result != PUT_TOO_LARGE)
			return result;
		why = too_large;
	}
	log_error("a dead letter can't be delivered: %s", why);
	stage_fail(stage, STATUS_FAILED);
	return PUT_FULL;
}

/* ---- the choice */

static void say(
	enum log_level level, const struct frame_record *record, const char *error, const char *end)
{
	char *topic = mem_text_n(record->topic, record->topic_length);
	bool failed = record->head.type == FRAME_TYPE_FAILED;
	struct log_about about = {.topic = topic,
		.partition = record->partition,
		.offset = record->offset,
		.error = error};

	if (record->topic_length == 0 && record->partition >= 0)
		log_line(level, "a record for partition %d can't be delivered: %s%s",
			(int)record->partition, error, end);
	else if ((record->head.flags & FRAME_ROUTED) != 0 || record->offset < 0)
		log_line(level, "a record for '%s' can't be delivered: %s%s", topic, error, end);
	else if (failed)
		log_about(level, &about, "event failed: %s (%s[%d]@%lld, %u attempts)%s", error,
			topic, (int)record->partition, (long long)record->offset,
			record->head.attempt, end);
	else
		log_about(level, &about, "a record can't be delivered: %s (%s[%d]@%lld)%s", error,
			topic, (int)record->partition, (long long)record->offset, end);
	free(topic);
}

enum put_result failure_put(struct stage *stage, unsigned lane, const struct frame_record *record,
	const char *why, uint64_t ticket)
{
	char *by_worker = why == NULL ? error_of_worker(record) : NULL;
	char *error = why != NULL ? mem_text(why)
		      : by_worker != NULL
			      ? mem_text(by_worker)
			      : text_of(death_of(&stage->lanes[lane], record->head.seq));
	enum put_result result = PUT_FULL;

	switch (stage->config->processor.on_failure) {
	case FAILURE_STOP:
		say(LEVEL_ERROR, record, error, "");
		stage_fail(stage, STATUS_FAILED);
		break;
	case FAILURE_SKIP:
		say(LEVEL_WARNING, record, error, ", skipped");
		result = PUT_SKIPPED;
		break;
	case FAILURE_DEAD_LETTER:
		result = put_letter(
			stage, lane, record, by_worker == NULL ? error : NULL, ticket);
		if (result != PUT_FULL)
			say(LEVEL_WARNING, record, error, ", to the dead letter");
		break;
	}
	if (result != PUT_FULL)
		page_count(stage->page, COUNT_FAILED, 1);
	free(by_worker);
	free(error);
	return result;
}

/* ---- refused in a delivery report: the ticket is under way and stays so until this is settled */

static bool settle(struct stage *stage, unsigned lane, const struct frame_record *record,
	const char *why, uint64_t ticket)
{
	switch (failure_put(stage, lane, record, why, ticket)) {
	case PUT_SKIPPED:
		stage_settled(stage, ticket);
		return true;
	case PUT_DELIVERED:
		stage_delivered(stage, ticket);
		return true;
	case PUT_UNDER_WAY:
		return true;
	case PUT_FULL:
	case PUT_TOO_LARGE:
		break;
	}
	return false;
}

/* As it was when it was put: with the place of its input, unless the handler chose the topic. */
static struct frame_record with_origin(
	struct stage *stage, const struct frame_record *record, uint64_t ticket)
{
	struct origin origin = deliveries_origin(
		&stage->lanes[stage_ticket_lane(ticket)].deliveries, stage_ticket_number(ticket));
	struct frame_record known = *record;

	if (stage_ticket_routed(ticket) || origin.topic == NULL)
		return known;
	known.head.flags &= (uint16_t)~FRAME_ROUTED;
	known.topic = origin.topic;
	known.topic_length = (uint32_t)strlen(origin.topic);
	known.partition = origin.partition;
	known.offset = origin.offset;
	return known;
}

void stage_refused(
	struct stage *stage, uint64_t ticket, const struct frame_record *record, const char *why)
{
	unsigned lane = stage_ticket_lane(ticket);
	struct frame_record known = with_origin(stage, record, ticket);
	struct late_letter *late;

	if (stage->status == STATUS_OK && settle(stage, lane, &known, why, ticket))
		return;
	if (stage->status != STATUS_OK) {
		stage->under_way--; /* it is never acknowledged */
		return;
	}
	stage->late = mem_grow(stage->late, stage->late_count + 1, sizeof *stage->late);
	late = &stage->late[stage->late_count++];
	*late = (struct late_letter){.lane = lane, .ticket = ticket, .why = why};
	late->length = frame_record_size(&known, UINT32_MAX);
	late->frame = mem_grow(NULL, late->length, 1);
	frame_record_write(late->frame, &known);
}

void failure_work(struct stage *stage)
{
	while (stage->late_count > 0) {
		struct late_letter *late = &stage->late[0];
		struct frame_head head;
		struct frame_record record;
		const char *why;

		frame_head_read(late->frame, late->length, UINT32_MAX, &head, &why);
		frame_record_read(late->frame, &head, &record, &why);
		if (stage->status != STATUS_OK ||
			!settle(stage, late->lane, &record, late->why, late->ticket)) {
			if (stage->status == STATUS_OK)
				return;
			stage->under_way--; /* it is never acknowledged */
		}
		free(late->frame);
		stage->late_count--;
		memmove(stage->late, stage->late + 1, stage->late_count * sizeof *stage->late);
	}
}
