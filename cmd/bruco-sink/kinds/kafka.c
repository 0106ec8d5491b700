/* The kafka kind: an idempotent producer whose delivery reports become acknowledgements. */

#include "bruco-sink/kinds/kafka.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "bruco-sink/dead_letter.h"
#include "bruco-sink/tickets.h"

enum {
	FULL_MS = 100,
	FULL_TRANSACTION_MS = 5,
	RECORD_AROUND = 36,
	FIELDS_MAX = 8 /* of rd_kafka_produceva, without headers */
};

/* ---- records that can't be delivered */

/* The bytes of a length in a record: 1 up to 63, 2 up to 8191, and so on. A record has at most 36
 * bytes around it. The client counts both against message.max.bytes. */
static size_t length_size(size_t length)
{
	size_t size = 1;

	for (length >>= 6; length > 0; length >>= 7)
		size++;
	return size;
}

size_t kafka_wire_size(const struct frame_record *record)
{
	size_t size = RECORD_AROUND + (record->key_length > 0 ? (size_t)record->key_length : 0) +
		      (record->value_length > 0 ? (size_t)record->value_length : 0);
	const uint8_t *at = record->headers;

	for (uint32_t i = 0; i < record->header_count; i++) {
		struct frame_header header;
		size_t value;

		frame_header_next(&at, &header);
		value = header.value_length > 0 ? (size_t)header.value_length : 0;
		size += length_size(header.name_length) + header.name_length + length_size(value) +
			value;
	}
	return size;
}

/* ---- deliveries */

void kafka_failed(struct kafka_sink *kafka, const char *topic, rd_kafka_resp_err_t error)
{
	int status = kafka_error_status(error);

	if (kafka->sink->status == STATUS_OK && status == STATUS_REFUSED)
		log_error("cannot produce to '%s': %s (%s)", topic, rd_kafka_err2str(error),
			kafka->health.whom);
	else if (kafka->sink->status == STATUS_OK)
		log_error("cannot produce to '%s': %s", topic, rd_kafka_err2str(error));
	sink_fail(kafka->sink, status == STATUS_OK ? STATUS_TEMPFAIL : status);
}

static void not_delivered(struct kafka_sink *kafka, const rd_kafka_message_t *message)
{
	const char *why = kafka_refusal(message->err);

	kafka->dead = true;
	if (kafka->sink->status == STATUS_OK &&
		(why != NULL || message->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE)) {
		kafka_hold(kafka, message, why);
		return;
	}
	kafka_failed(kafka, rd_kafka_topic_name(message->rkt), message->err);
	kafka->sink->under_way--;
}

void kafka_on_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *state)
{
	struct kafka_sink *kafka = state;

	(void)client;
	if (kafka->transaction != NULL) { /* only failures are told, by any thread */
		kafka_transaction_not_delivered(kafka->transaction, message);
		return;
	}
	kafka->full = false;
	kafka->under_way--;
	if (kafka->phase == PHASE_ISOLATING) {
		kafka_isolated(kafka, message);
	} else if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
		kafka_health_good(&kafka->health);
		if (kafka->unproven > 0)
			kafka_prove(kafka, message);
		ticket_delivered(kafka->sink, (uint64_t)(uintptr_t)message->_private);
	} else {
		not_delivered(kafka, message);
	}
}

/* Before the stage is ready, nothing is under way, and it may end at once. */
static void kafka_refused(struct kafka_sink *kafka, const char *why)
{
	if (!kafka->sink->stage.ready)
		die(STATUS_REFUSED, "%s", why);
	if (kafka->sink->status == STATUS_OK)
		log_error("%s", why);
	sink_fail(kafka->sink, STATUS_REFUSED);
}

static void serve(struct kafka_sink *kafka)
{
	eventfd_t signals;

	eventfd_read(kafka->event_fd, &signals);
	while (rd_kafka_poll(kafka->client, 0) > 0)
		;
}

static void kafka_work(void *state)
{
	struct kafka_sink *kafka = state;

	if (kafka->guest) {
		if (!kafka->connected)
			kafka_client_connect(kafka);
		return;
	}
	serve(kafka);
	if (kafka->transaction != NULL)
		kafka_transaction_work(kafka->transaction);
	if (kafka_health_work(&kafka->health, kafka->client) != STATUS_OK)
		kafka_refused(kafka, kafka->health.refusal);
	if (!kafka->connected)
		kafka_client_connect(kafka);
	if (kafka->phase != PHASE_NORMAL || kafka->dead)
		kafka_recover(kafka);
}

static int kafka_descriptor(void *state)
{
	const struct kafka_sink *kafka = state;

	return kafka->guest ? -1 : kafka->event_fd;
}

static int kafka_timeout(void *state)
{
	struct kafka_sink *kafka = state;

	if (!kafka->connected)
		return clock_left(kafka->retry_at, clock_ms());
	if (kafka->phase != PHASE_NORMAL)
		return kafka_recover_timeout(kafka);
	if (kafka->transaction != NULL) /* no delivery report says that there is room again */
		return kafka->full ? FULL_TRANSACTION_MS : 1000;
	return kafka->full ? FULL_MS : 1000;
}

/* ---- producing */

static bool is_routed(const struct frame_record *record)
{
	return (record->head.flags & FRAME_ROUTED) != 0;
}

/* The index of the record's topic; topic_count: it is none of them. */
static size_t target(const struct kafka_sink *kafka, const struct frame_record *record)
{
	size_t topic = 0;

	if (!is_routed(record) || record->topic_length == 0)
		return 0;
	while (topic < kafka->topic_count &&
		(strlen(kafka->topics[topic].name) != record->topic_length ||
			memcmp(kafka->topics[topic].name, record->topic, record->topic_length) !=
				0))
		topic++;
	return topic;
}

/* The partition that handler or configuration choose, or RD_KAFKA_PARTITION_UA. */
static int32_t chosen(const struct kafka_sink *kafka, const struct frame_record *record)
{
	return is_routed(record) && record->partition >= 0 ? record->partition : kafka->partition;
}

/* Whether the client, which takes a header's name as a C string, would cut one. */
static bool has_cut_name(const struct frame_record *record)
{
	const uint8_t *at = record->headers;

	for (uint32_t i = 0; i < record->header_count; i++) {
		struct frame_header header;

		frame_header_next(&at, &header);
		if (memchr(header.name, '\0', header.name_length) != NULL)
			return true;
	}
	return false;
}

static const char no_partition[] = "the topic has no such partition";

static const char *kafka_refuse(void *state, const struct frame_record *record)
{
	struct kafka_sink *kafka = state;
	size_t topic = target(kafka, record);
	int32_t partition = chosen(kafka, record);
	enum kafka_found found = topic < kafka->topic_count ? KAFKA_FOUND : kafka_topic_find(kafka, record);

	if (found == KAFKA_UNLISTED)
		return "topic is not in sink.topics";
	if (found == KAFKA_ABSENT)
		return "topic does not exist";
	if (found == KAFKA_NOT_NOW)
		partition = -1;
	if (partition >= 0 && kafka->connected && !kafka_has_partition(kafka, topic, partition))
		return no_partition;
	if (kafka_wire_size(record) > kafka->size_max)
		return too_large;
	return has_cut_name(record) ? name_with_nul : NULL;
}

static rd_kafka_vu_t *field(struct kafka_sink *kafka, rd_kafka_vtype_t type)
{
	rd_kafka_vu_t *next = &kafka->fields[kafka->field_count++];

	next->vtype = type;
	return next;
}

/* librdkafka wants terminated names. All are copied into one piece of memory that holds them all, so
 * that none moves. */
static void add_headers(struct kafka_sink *kafka, const struct frame_record *record)
{
	const uint8_t *at = record->headers;

	buf_reset(&kafka->header_names);
	buf_reserve(&kafka->header_names, record->headers_length + record->header_count);
	for (uint32_t i = 0; i < record->header_count; i++) {
		struct buf *names = &kafka->header_names;
		char *name = (char *)names->data + names->length;
		struct frame_header header;
		rd_kafka_vu_t *next = field(kafka, RD_KAFKA_VTYPE_HEADER);

		frame_header_next(&at, &header);
		memcpy(name, header.name, header.name_length);
		name[header.name_length] = '\0';
		names->length += header.name_length + 1;
		next->u.header.name = name;
		next->u.header.val = header.value;
		next->u.header.size = header.value_length < 0 ? 0 : header.value_length;
	}
}

/* librdkafka takes timestamp 0 for none and sends the present time instead; 1 is closer to the
 * truth. */
static int64_t sendable(struct kafka_sink *kafka, int64_t timestamp)
{
	if (timestamp != 0)
		return timestamp;
	if (!kafka->zero_seen)
		log_warning("records with timestamp 0 are sent with timestamp 1: librdkafka has no 0");
	kafka->zero_seen = true;
	return 1;
}

rd_kafka_resp_err_t kafka_produce(struct kafka_sink *kafka, size_t topic, int32_t partition,
	const struct frame_record *record, uint64_t ticket)
{
	rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
	rd_kafka_error_t *error;

	kafka->field_count = 0;
	if (record->header_count > 0)
		kafka->fields = mem_grow(
			kafka->fields, FIELDS_MAX + record->header_count, sizeof *kafka->fields);
	field(kafka, RD_KAFKA_VTYPE_RKT)->u.rkt = kafka->topics[topic].handle;
	field(kafka, RD_KAFKA_VTYPE_PARTITION)->u.i32 = partition;
	field(kafka, RD_KAFKA_VTYPE_MSGFLAGS)->u.i = RD_KAFKA_MSG_F_COPY;
	field(kafka, RD_KAFKA_VTYPE_OPAQUE)->u.ptr = (void *)(uintptr_t)ticket;
	if (record->timestamp != -1)
		field(kafka, RD_KAFKA_VTYPE_TIMESTAMP)->u.i64 = sendable(kafka, record->timestamp);
	if (record->key_length >= 0) {
		rd_kafka_vu_t *key = field(kafka, RD_KAFKA_VTYPE_KEY);

		key->u.mem.ptr = (void *)(size_t)record->key;
		key->u.mem.size = (size_t)record->key_length;
	}
	if (record->value_length >= 0) {
		rd_kafka_vu_t *value = field(kafka, RD_KAFKA_VTYPE_VALUE);

		value->u.mem.ptr = (void *)(size_t)record->value;
		value->u.mem.size = (size_t)record->value_length;
	}
	if (record->header_count > 0)
		add_headers(kafka, record);
	error = rd_kafka_produceva(kafka->client, kafka->fields, kafka->field_count);
	if (error != NULL) {
		code = rd_kafka_error_code(error);
		rd_kafka_error_destroy(error);
	} else if (kafka->transaction == NULL) {
		kafka->under_way++;
	}
	return code;
}

static enum put_result refused(struct kafka_sink *kafka, const char *why)
{
	kafka->destination->why = why;
	return PUT_REFUSED;
}

static enum put_result kafka_put(void *state, const struct frame_record *record, uint64_t ticket)
{
	struct kafka_sink *kafka = state;
	size_t topic = target(kafka, record);
	int32_t partition = chosen(kafka, record);
	rd_kafka_resp_err_t error;
	const char *why;

	if (!kafka->connected)
		return PUT_FULL;
	if (topic == kafka->topic_count) {
		why = kafka_refuse(kafka, record); /* looks for it again */
		kafka->full = true;
		return why != NULL ? refused(kafka, why) : PUT_FULL;
	}
	if (kafka->phase != PHASE_NORMAL) {
		if (!kafka_hold_new(kafka, topic, partition, record, ticket))
			return PUT_FULL;
		page_count(kafka->sink->page, COUNT_BYTES_OUT, record->head.length);
		return PUT_UNDER_WAY;
	}
	if (kafka->transaction == NULL && !kafka_may_produce(kafka, topic, partition, record)) {
		kafka->full = true;
		return PUT_FULL;
	}
	if (kafka->transaction != NULL && !kafka_transaction_begin(kafka->transaction))
		return PUT_FULL;
	error = kafka_produce(kafka, topic, partition, record, ticket);
	switch (error) {
	case RD_KAFKA_RESP_ERR_NO_ERROR:
		page_count(kafka->sink->page, COUNT_BYTES_OUT, record->head.length);
		kafka->full = false;
		return kafka->transaction != NULL ? PUT_TRANSACTED : PUT_UNDER_WAY;
	case RD_KAFKA_RESP_ERR__QUEUE_FULL:
	case RD_KAFKA_RESP_ERR__GAPLESS_GUARANTEE: /* the delivery reports will say more */
		kafka->full = true;
		return PUT_FULL;
	case RD_KAFKA_RESP_ERR__STATE:
	case RD_KAFKA_RESP_ERR__FATAL:
		if (kafka->transaction == NULL)
			break;
		kafka_transaction_broken(kafka->transaction);
		return PUT_FULL;
	case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
		return refused(kafka, too_large);
	case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
		if (partition >= 0 && !kafka_has_partition(kafka, topic, partition))
			return refused(kafka, no_partition);
		kafka->full = true; /* no broker answered, or the client has not heard of it yet */
		return PUT_FULL;
	default:
		break;
	}
	/* The client has not taken the record. It stays here, and the sink ends. */
	kafka_failed(kafka, kafka->topics[topic].name, error);
	return PUT_FULL;
}

static void kafka_commit(void *state, const void *offsets, size_t length)
{
	kafka_transaction_commit(((struct kafka_sink *)state)->transaction, offsets, length);
}

static void kafka_abort(void *state)
{
	kafka_transaction_abort(((struct kafka_sink *)state)->transaction);
}

static void kafka_flush(void *state)
{
	(void)state; /* the client sends by itself */
}

/* ---- opening */

static void *kafka_open(struct destination *destination)
{
	struct kafka_sink *kafka = mem_alloc(sizeof *kafka);

	kafka_health_init(&kafka->health, &destination->config->security,
		&destination->config->properties);
	kafka->destination = destination;
	kafka->sink = destination->sink;
	kafka->partition = destination->config->partition >= 0 ? destination->config->partition
							  : RD_KAFKA_PARTITION_UA;
	kafka->fields = mem_array(FIELDS_MAX, sizeof *kafka->fields);
	kafka_topics_open(kafka);
	if (kafka->sink->cut.on && destination != &kafka->sink->out) {
		kafka_client_share(kafka, kafka->sink->out.state);
		return kafka;
	}
	if (kafka->sink->cut.on)
		kafka->transaction = kafka_transaction_new(kafka);
	kafka_client_open(kafka, false);
	return kafka;
}

const struct sink_kind kind_kafka = {.name = "kafka",
	.open = kafka_open,
	.descriptor = kafka_descriptor,
	.timeout = kafka_timeout,
	.work = kafka_work,
	.refuse = kafka_refuse,
	.put = kafka_put,
	.flush = kafka_flush,
	.commit = kafka_commit,
	.abort = kafka_abort,
	.check = kafka_client_check};
