/*
 * Getting past what the broker refuses.
 *
 * A broker refuses a batch as a whole, and (with librdkafka before 2.4) does not say for which of
 * its records. The producer would go on with the next batch, so that what was refused could only be
 * sent again behind it: keys would be overtaken. So the producer is one that dies of a refusal
 * (enable.gapless.guarantee), at once and with all its partitions, in the same thread that would
 * send the next batch.
 *
 * Collecting: all that the dead producer still had comes back, one way or the other, in delivery
 * reports: what was refused, and what was behind it. It is copied, and put in the order in which it
 * was put.
 *
 * Isolating: another producer sends it again, what was refused first, a group at a time, with nothing
 * else under way. What a group has for one partition is sent in one request, and so is delivered or
 * refused as a whole. A group that is refused is halved, one that is delivered doubles the next; a
 * group of one that is refused is a record of which the broker has said that it does not take it.
 * That one is treated as processor.onFailure says; a dead letter is mended. This goes on, with new
 * records too, until a good number of records was delivered without a refusal or there are none: it
 * is cheaper than another dead producer.
 *
 * Resending: a new producer of the first kind takes what is left, then everything goes on.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "bruco-sink/dead_letter.h"
#include "bruco-sink/failure_policy.h"
#include "bruco-sink/kinds/kafka.h"
#include "bruco-sink/tickets.h"

enum {
	FLUSH_MS = 50,    /* a wait for a group */
	RECOVER_MS = 100, /* then the stage's turn */
	CALM = 256,       /* records without a refusal, and isolating ends */
	HELD_MAX = 1024,  /* so many are waiting when new ones have to */
	BATCH_MIN = 1024  /* bytes */
};

/* librdkafka 2.4 says with it that it was another record of the batch. */
enum { ERROR_DIFFERENT_RECORD = -138 };

struct held {
	uint64_t ticket;
	uint64_t number;      /* ticket_number, for the order */
	const char *why;      /* it was refused, or was in a batch that was; NULL: behind one */
	rd_kafka_resp_err_t error; /* of a failure that is no refusal, while isolating */
	uint8_t *frame;       /* NULL: done with */
	size_t topic;
	int32_t partition;
};

const char *kafka_refusal(rd_kafka_resp_err_t error)
{
	switch ((int)error) {
	case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
	case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
	case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE: /* segment.bytes */
		return too_large;
	case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
		return bad_timestamp;
	case RD_KAFKA_RESP_ERR_INVALID_RECORD:
		return invalid_record;
	case RD_KAFKA_RESP_ERR_INVALID_MSG:
		return "the broker finds the record corrupt";
	case RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT:
		return "the topic's message format has no place for it";
	case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
		return "it is against a policy of the broker";
	case ERROR_DIFFERENT_RECORD:
		return "another record of its batch was refused";
	default:
		return NULL;
	}
}

/* ---- what was taken back */

static void read_held(const struct held *held, struct frame_record *record)
{
	frame_read_own(held->frame, record);
}

static void keep(struct held *held, const struct frame_record *record)
{
	uint32_t length = frame_record_size(record, UINT32_MAX);
	uint8_t *frame = mem_alloc(length);

	frame_record_write(frame, record);
	free(held->frame);
	held->frame = frame;
}

static void let_go(struct held *held)
{
	free(held->frame);
	held->frame = NULL;
}

/* The record is to go to this topic; to the sink's own one it goes of itself, or may. */
static void append(struct kafka_sink *kafka, size_t topic, const struct frame_record *record,
	uint64_t ticket, const char *why)
{
	struct frame_record held = *record;

	held.head = (struct frame_head){.type = FRAME_TYPE_RECORD,
		.flags = FRAME_LAST | (topic == 0 ? 0 : FRAME_ROUTED)};
	held.offset = -1;
	held.topic = kafka->topics[topic].name;
	held.topic_length = (uint32_t)strlen(held.topic);
	held.origin_topic = NULL;
	if ((kafka->held_count & (kafka->held_count + 1)) == 0) /* room is 1, 3, 7 ... */
		kafka->held =
			mem_grow(kafka->held, 2 * kafka->held_count + 1, sizeof *kafka->held);
	kafka->held[kafka->held_count] = (struct held){.ticket = ticket,
		.number = ticket_number(kafka->sink, ticket),
		.why = why,
		.topic = topic,
		.partition = record->partition};
	keep(&kafka->held[kafka->held_count++], &held);
}

/* The one that the message was produced with: the client tells that of no message with an error. */
static int64_t timestamp_of(const rd_kafka_message_t *message)
{
	rd_kafka_message_t *open = (rd_kafka_message_t *)(uintptr_t)message;
	rd_kafka_resp_err_t error = open->err;
	rd_kafka_timestamp_type_t kind;
	int64_t timestamp;

	open->err = RD_KAFKA_RESP_ERR_NO_ERROR;
	timestamp = rd_kafka_message_timestamp(message, &kind);
	open->err = error;
	return timestamp;
}

void kafka_hold(struct kafka_sink *kafka, const rd_kafka_message_t *message, const char *why)
{
	struct frame_record record = {.timestamp = timestamp_of(message),
		.partition = message->partition,
		.key = message->key,
		.key_length = message->key == NULL ? FRAME_NULL : (int32_t)message->key_len,
		.value = message->payload,
		.value_length = message->payload == NULL ? FRAME_NULL : (int32_t)message->len};

	/* Readable: kafka_refuse lets no other headers through. */
	kafka_headers_encode(message, &kafka->headers, &record.header_count);
	record.headers = kafka->headers.data;
	record.headers_length = (uint32_t)kafka->headers.length;
	append(kafka, kafka_topic_of(message), &record, (uint64_t)(uintptr_t)message->_private,
		why);
	kafka->phase = PHASE_COLLECTING;
}

bool kafka_hold_new(struct kafka_sink *kafka, size_t topic, int32_t partition,
	const struct frame_record *record, uint64_t ticket)
{
	struct frame_record taken = *record;

	if (kafka->phase != PHASE_ISOLATING || kafka->sink->status != STATUS_OK ||
		kafka->held_count - kafka->held_next >= HELD_MAX)
		return false;
	taken.partition = partition;
	append(kafka, topic, &taken, ticket, NULL);
	return true;
}

static int compare(uint64_t one, uint64_t other)
{
	return one < other ? -1 : one > other;
}

/* Refused records come first, then all others, both in the order in which they were put. */
static int by_order(const void *one, const void *other)
{
	const struct held *a = one, *b = other;
	int by_lane = compare(ticket_lane(a->ticket), ticket_lane(b->ticket));

	if ((a->why == NULL) != (b->why == NULL))
		return a->why == NULL ? 1 : -1;
	if (a->why != NULL && a->topic != b->topic)
		return compare(a->topic, b->topic);
	if (a->why != NULL && a->partition != b->partition)
		return a->partition < b->partition ? -1 : 1;
	if (by_lane != 0)
		return by_lane;
	if (a->number != b->number)
		return compare(a->number, b->number);
	return compare(ticket_output(a->ticket), ticket_output(b->ticket));
}

static void forget_done(struct kafka_sink *kafka)
{
	size_t kept = 0;

	for (size_t i = 0; i < kafka->held_count; i++)
		if (kafka->held[i].frame != NULL)
			kafka->held[kept++] = kafka->held[i];
	kafka->held_count = kept;
	kafka->held_next = kafka->group_end = 0;
}

static void free_held(struct kafka_sink *kafka)
{
	free(kafka->held);
	kafka->held = NULL;
	kafka->held_count = 0;
	kafka->held_next = 0;
}

/* The stage has failed: nothing of it is acknowledged. */
static void drop_held(struct kafka_sink *kafka)
{
	forget_done(kafka);
	kafka->sink->under_way -= kafka->held_count;
	for (size_t i = 0; i < kafka->held_count; i++)
		let_go(&kafka->held[i]);
	free_held(kafka);
}

/* ---- isolating */

static void begin_isolating(struct kafka_sink *kafka)
{
	size_t refused = 0;

	forget_done(kafka);
	qsort(kafka->held, kafka->held_count, sizeof *kafka->held, by_order);
	while (refused < kafka->held_count && kafka->held[refused].why != NULL)
		refused++;
	log_debug("the broker refused batches of %zu records; %zu were behind them", refused,
		kafka->held_count - refused);
	kafka->group = (refused + 1) / 2;
	kafka->calm = 0;
	kafka_client_close(kafka);
	kafka_client_open(kafka, true);
	kafka->phase = PHASE_ISOLATING;
}

static void begin_resending(struct kafka_sink *kafka)
{
	kafka_client_close(kafka);
	kafka_client_open(kafka, false);
	kafka->phase = PHASE_RESENDING;
}

void kafka_isolated(struct kafka_sink *kafka, const rd_kafka_message_t *message)
{
	size_t index = (size_t)(uintptr_t)message->_private;
	struct held *held = &kafka->held[index];

	if (index >= kafka->held_count)
		return; /* it was dropped */
	if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
		held->why = kafka_refusal(message->err);
		held->error = message->err;
		return;
	}
	ticket_delivered(kafka->sink, held->ticket);
	let_go(held);
}

/* The next ones, of no more bytes than go into one batch. */
static void send_group(struct kafka_sink *kafka)
{
	size_t end = kafka->held_next, count = 0, bytes = 0;

	while (end < kafka->held_count && count < kafka->group) {
		struct held *held = &kafka->held[end];
		struct frame_record record;

		if (held->frame != NULL) {
			read_held(held, &record);
			bytes += kafka_wire_size(&record);
			if (count > 0 && bytes > kafka->batch_max)
				break;
			held->error = kafka_produce(
				kafka, held->topic, held->partition, &record, end);
			held->why = kafka_refusal(held->error);
			count++;
		}
		end++;
		if (held->error != RD_KAFKA_RESP_ERR_NO_ERROR)
			break;
	}
	kafka->group_end = end;
	kafka->group = count;
	kafka->group_bytes = bytes;
}

/* The broker does not take this one, or the client not what was made of it. */
static void refused_alone(struct kafka_sink *kafka, struct held *held)
{
	const char *topic = kafka->topics[held->topic].name;
	struct frame_record record;

	if (held->why == NULL) {
		kafka_failed(kafka, topic, held->error);
		return; /* and drop_held will count it */
	}
	read_held(held, &record);
	if (kafka->destination != &kafka->sink->dead_letter) {
		failure_refused(kafka->sink, held->ticket, &record, held->why);
		let_go(held);
		kafka->held_next++;
	} else if (dead_letter_mend(kafka->sink, held->ticket, &record, held->why)) {
		keep(held, &record);
	} else {
		log_error("a dead letter can't be delivered to '%s': %s", topic, held->why);
		sink_fail(kafka->sink, STATUS_FAILED);
	}
}

/* A group may go to several partitions, so that records in its middle are done before the first. */
static void skip_done(struct kafka_sink *kafka)
{
	while (kafka->held_next < kafka->held_count && kafka->held[kafka->held_next].frame == NULL)
		kafka->held_next++;
}

static void group_done(struct kafka_sink *kafka)
{
	size_t refused = 0;
	bool size = false;

	for (size_t i = kafka->held_next; i < kafka->group_end; i++)
		if (kafka->held[i].frame != NULL) {
			refused++;
			size = size || kafka->held[i].why == too_large;
		}
	skip_done(kafka);
	if (refused == 0) {
		kafka->calm += kafka->group;
		kafka->group *= 2;
	} else if (kafka->group == 1) {
		refused_alone(kafka, &kafka->held[kafka->held_next]);
		kafka->calm = 0;
	} else {
		/* The topic may take less at a time than the client sends. */
		if (size && kafka->group_bytes / 2 >= BATCH_MIN &&
			kafka->group_bytes / 2 < kafka->batch_max)
			kafka->batch_max = kafka->group_bytes / 2;
		kafka->group = (refused + 1) / 2;
	}
	skip_done(kafka);
	kafka->group_end = kafka->held_next;
	if (kafka->held_next >= HELD_MAX)
		forget_done(kafka);
}

/* Whether nothing is left, or all that was refused is past and none of late. */
static bool calm(const struct kafka_sink *kafka)
{
	return kafka->held_next == kafka->held_count ||
	       (kafka->held[kafka->held_next].why == NULL && kafka->calm >= CALM);
}

static void isolate(struct kafka_sink *kafka)
{
	int64_t deadline = clock_ms() + RECOVER_MS;

	while (kafka->sink->status == STATUS_OK && clock_ms() < deadline) {
		if (kafka->under_way > 0)
			rd_kafka_flush(kafka->client, FLUSH_MS);
		if (kafka->under_way > 0)
			continue;
		if (kafka->group_end > kafka->held_next) {
			group_done(kafka);
		} else if (calm(kafka)) {
			begin_resending(kafka);
			return;
		} else {
			send_group(kafka);
		}
	}
}

/* ---- what was behind */

static void resend(struct kafka_sink *kafka)
{
	while (kafka->held_next < kafka->held_count) {
		struct held *held = &kafka->held[kafka->held_next];
		struct frame_record record;
		rd_kafka_resp_err_t error;

		read_held(held, &record);
		if (!kafka_may_produce(kafka, held->topic, held->partition, &record))
			return;
		error = kafka_produce(
			kafka, held->topic, held->partition, &record, held->ticket);
		switch (error) {
		case RD_KAFKA_RESP_ERR_NO_ERROR:
			let_go(held);
			kafka->held_next++;
			break;
		case RD_KAFKA_RESP_ERR__QUEUE_FULL:
		case RD_KAFKA_RESP_ERR__GAPLESS_GUARANTEE: /* it has just died, too */
			return;
		default:
			kafka_failed(kafka, kafka->topics[held->topic].name, error);
			return;
		}
	}
	free_held(kafka);
	kafka->phase = PHASE_NORMAL;
}

/* ---- the course of it */

void kafka_recover(struct kafka_sink *kafka)
{
	/* A request that the client retries may have come back into the queue since it was purged. */
	if (kafka->dead && kafka->under_way > 0)
		rd_kafka_purge(kafka->client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_NON_BLOCKING);
	if (kafka->sink->status != STATUS_OK) {
		drop_held(kafka);
		return;
	}
	if (kafka->phase == PHASE_COLLECTING && kafka->under_way == 0)
		begin_isolating(kafka);
	if (!kafka->connected)
		return;
	if (kafka->phase == PHASE_ISOLATING)
		isolate(kafka);
	if (kafka->phase == PHASE_RESENDING && kafka->connected)
		resend(kafka);
}

int kafka_recover_timeout(const struct kafka_sink *kafka)
{
	switch (kafka->phase) {
	case PHASE_COLLECTING:
		return 20;
	case PHASE_ISOLATING:
		return 0;
	default:
		return -1;
	}
}
