/* The kafka kind: an idempotent producer whose delivery reports become acknowledgements. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/reminder.h"
#include "base/status.h"
#include "failure.h"
#include "frame/limits.h"
#include "kafka/client.h"
#include "stage.h"

enum {
	CONNECT_MS = 2000, /* one try for the topics' metadata at the start */
	RETRY_MS = 500,
	FULL_MS = 100,
	CLIENT_DEFAULT = 1000000, /* of message.max.bytes; below it there would be smaller batches */
	RECORD_AROUND = 36,
	FIELDS_MAX = 8 /* of rd_kafka_produceva, without headers */
};

struct kafka {
	struct kafka_health health; /* first: it is the client's opaque */
	struct outlet *outlet;
	struct stage *stage;
	rd_kafka_t *client;
	int event_fd;
	rd_kafka_topic_t **topics; /* [0] is the default */
	char **names;
	int32_t *partitions; /* of each topic, as last heard; 0: never yet */
	size_t topic_count;
	size_t size_max;  /* message.max.bytes */
	size_t batch_max; /* batch.size: a record of that size or more has a batch of its own */
	struct buf headers;
	struct buf header_names;
	int32_t partition; /* for partitioner manual, else RD_KAFKA_PARTITION_UA */
	int64_t retry_at;  /* until it is connected */
	const char *missing; /* one of names: it did not exist at the last look */
	struct reminder reminder;    /* of the lines about topics */
	bool full;
	bool zero_seen; /* a record with timestamp 0, which was told */
	rd_kafka_vu_t *fields; /* reused for every record */
	size_t field_count;
};

/* ---- records that can't be delivered */

/* What the client counts against message.max.bytes: a length of up to 63 takes 1 byte, 8191 takes
 * 2, and so on; 36 is what stands around a record at most. */
static size_t length_size(size_t length)
{
	size_t size = 1;

	for (length >>= 6; length > 0; length >>= 7)
		size++;
	return size;
}

static size_t wire_size(const struct frame_record *record)
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

/* Hands a record back from its delivery report. */
static void refused(struct kafka *kafka, const rd_kafka_message_t *message)
{
	const char *topic = rd_kafka_topic_name(message->rkt);
	rd_kafka_timestamp_type_t kind;
	struct frame_record record = {
		.head = {.type = FRAME_TYPE_RECORD, .flags = FRAME_LAST | FRAME_ROUTED},
		.offset = -1,
		.timestamp = rd_kafka_message_timestamp(message, &kind),
		.partition = message->partition,
		.topic = topic,
		.topic_length = (uint32_t)strlen(topic),
		.key = message->key,
		.key_length = message->key == NULL ? FRAME_NULL : (int32_t)message->key_len,
		.value = message->payload,
		.value_length = message->payload == NULL ? FRAME_NULL : (int32_t)message->len};

	/* Readable: kafka_refuse lets no other headers through. */
	kafka_headers_encode(message, &kafka->headers, &record.header_count);
	record.headers = kafka->headers.data;
	record.headers_length = (uint32_t)kafka->headers.length;
	if (kafka->outlet == &kafka->stage->dead_letter) {
		log_error("a dead letter can't be delivered to '%s': %s", topic, too_large);
		stage_fail(kafka->stage, STATUS_FAILED);
		kafka->stage->under_way--;
	} else if (wire_size(&record) < kafka->batch_max &&
		   kafka->stage->config->processor.on_failure != FAILURE_STOP) {
		/* It may have been in a batch with others, and nobody says which was too much. */
		log_error("a batch is too large for '%s', and which record is can't be known: set "
			  "batch.size in sink.properties to the topic's max.message.bytes",
			topic);
		stage_fail(kafka->stage, STATUS_FAILED);
		kafka->stage->under_way--;
	} else {
		stage_refused(
			kafka->stage, (uint64_t)(uintptr_t)message->_private, &record, too_large);
	}
}

/* ---- deliveries */

static void not_delivered(struct kafka *kafka, const rd_kafka_message_t *message)
{
	int status = kafka_error_status(message->err);

	switch (message->err) {
	case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
		if (kafka->stage->status == STATUS_OK) {
			refused(kafka, message);
			return;
		}
		break;
	case RD_KAFKA_RESP_ERR_INVALID_MSG:
	case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
	case RD_KAFKA_RESP_ERR_INVALID_RECORD:
		status = STATUS_FAILED;
		break;
	default:
		if (status == STATUS_OK)
			status = STATUS_TEMPFAIL;
	}
	if (kafka->stage->status == STATUS_OK)
		log_error("cannot produce to '%s': %s", rd_kafka_topic_name(message->rkt),
			rd_kafka_err2str(message->err));
	stage_fail(kafka->stage, status);
	kafka->stage->under_way--;
}

static void on_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *state)
{
	struct kafka *kafka = state;

	(void)client;
	kafka->full = false;
	if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
		not_delivered(kafka, message);
		return;
	}
	kafka_health_good(&kafka->health);
	stage_delivered(kafka->stage, (uint64_t)(uintptr_t)message->_private);
}

/* Before the stage was ready, nothing is under way. */
static void kafka_refused(struct kafka *kafka, const char *why)
{
	if (!kafka->stage->ready)
		die(STATUS_REFUSED, "%s", why);
	if (kafka->stage->status == STATUS_OK)
		log_error("%s", why);
	stage_fail(kafka->stage, STATUS_REFUSED);
}

static void serve(struct kafka *kafka)
{
	eventfd_t signals;

	eventfd_read(kafka->event_fd, &signals);
	while (rd_kafka_poll(kafka->client, 0) > 0)
		;
}

/* ---- connecting: ready when every topic's partitions are known */

static rd_kafka_resp_err_t ask_partitions(struct kafka *kafka, size_t topic)
{
	const struct rd_kafka_metadata *metadata;
	rd_kafka_resp_err_t error =
		rd_kafka_metadata(kafka->client, 0, kafka->topics[topic], &metadata, CONNECT_MS);

	if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
		return error;
	error = metadata->topic_cnt == 1 ? metadata->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN;
	if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
		kafka->partitions[topic] = metadata->topics[0].partition_cnt;
	rd_kafka_metadata_destroy(metadata);
	return error;
}

/* Why a topic can't be produced to yet; the connection's own trouble is told by its health. */
static void tell_not_yet(struct kafka *kafka, const char *topic, rd_kafka_resp_err_t error)
{
	switch (error) {
	case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
	case RD_KAFKA_RESP_ERR__TRANSPORT:
	case RD_KAFKA_RESP_ERR__TIMED_OUT:
	case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
	case RD_KAFKA_RESP_ERR__RESOLVE:
	case RD_KAFKA_RESP_ERR__SSL:
	case RD_KAFKA_RESP_ERR__AUTHENTICATION:
		log_debug("cannot produce to '%s' yet: %s", topic, rd_kafka_err2str(error));
		break;
	case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
		kafka->missing = topic;
		if (reminder_due(&kafka->reminder, clock_ms()))
			log_warning("topic '%s' does not exist yet, waiting", topic);
		break;
	default:
		if (reminder_due(&kafka->reminder, clock_ms()))
			log_warning("cannot produce to '%s' yet: %s", topic,
				rd_kafka_err2str(error));
	}
}

static void connect_topics(struct kafka *kafka)
{
	for (size_t i = 0; i < kafka->topic_count; i++) {
		rd_kafka_resp_err_t error = ask_partitions(kafka, i);

		if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
			if (kafka->missing == kafka->names[i]) {
				log_info("topic '%s' is there now", kafka->names[i]);
				kafka->missing = NULL;
				kafka->reminder = (struct reminder){0};
			}
			continue;
		}
		if (kafka_error_status(error) != STATUS_OK)
			die(kafka_error_status(error), "cannot produce to '%s': %s",
				kafka->names[i], rd_kafka_err2str(error));
		tell_not_yet(kafka, kafka->names[i], error);
		kafka->retry_at = clock_ms() + RETRY_MS;
		return;
	}
	kafka_health_good(&kafka->health);
	outlet_ready(kafka->outlet);
}

static void kafka_work(void *state)
{
	struct kafka *kafka = state;

	serve(kafka);
	if (kafka_health_work(&kafka->health, kafka->client) != STATUS_OK)
		kafka_refused(kafka, kafka->health.refusal);
	if (!kafka->outlet->ready && clock_ms() >= kafka->retry_at)
		connect_topics(kafka);
}

static int kafka_descriptor(void *state)
{
	return ((struct kafka *)state)->event_fd;
}

static int kafka_timeout(void *state)
{
	struct kafka *kafka = state;

	if (!kafka->outlet->ready)
		return clock_left(kafka->retry_at, clock_ms());
	return kafka->full ? FULL_MS : 1000;
}

/* ---- producing */

static bool is_routed(const struct frame_record *record)
{
	return (record->head.flags & FRAME_ROUTED) != 0;
}

/* Which of the topics; topic_count: none of them. */
static size_t target(const struct kafka *kafka, const struct frame_record *record)
{
	size_t topic = 0;

	if (!is_routed(record) || record->topic_length == 0)
		return 0;
	while (topic < kafka->topic_count &&
		(strlen(kafka->names[topic]) != record->topic_length ||
			memcmp(kafka->names[topic], record->topic, record->topic_length) != 0))
		topic++;
	return topic;
}

/* A partition that is not known may be new. */
static bool has_partition(struct kafka *kafka, size_t topic, int32_t partition)
{
	if (partition < kafka->partitions[topic])
		return true;
	ask_partitions(kafka, topic);
	return kafka->partitions[topic] == 0 || partition < kafka->partitions[topic];
}

/* The client takes a header's name as a C string. */
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

static const char *kafka_refuse(void *state, const struct frame_record *record)
{
	struct kafka *kafka = state;

	size_t topic = target(kafka, record);

	if (topic == kafka->topic_count)
		return "topic is not in sink.topics";
	if (is_routed(record) && record->partition >= 0 &&
		!has_partition(kafka, topic, record->partition))
		return "the topic has no such partition";
	if (wire_size(record) > kafka->size_max)
		return too_large;
	return has_cut_name(record) ? name_with_nul : NULL;
}

static rd_kafka_vu_t *field(struct kafka *kafka, rd_kafka_vtype_t type)
{
	rd_kafka_vu_t *next = &kafka->fields[kafka->field_count++];

	next->vtype = type;
	return next;
}

/* librdkafka wants terminated names: they are copied to where all have room, so that none moves. */
static void add_headers(struct kafka *kafka, const struct frame_record *record)
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

/* librdkafka takes a timestamp of 0 as none, and puts the present time there: the one next to it is
 * closer to the truth. */
static int64_t sendable(struct kafka *kafka, int64_t timestamp)
{
	if (timestamp != 0)
		return timestamp;
	if (!kafka->zero_seen)
		log_warning("records with timestamp 0 are sent with timestamp 1: librdkafka has no 0");
	kafka->zero_seen = true;
	return 1;
}

static rd_kafka_resp_err_t produce(
	struct kafka *kafka, const struct frame_record *record, uint64_t ticket)
{
	bool chosen = is_routed(record) && record->partition >= 0;
	rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
	rd_kafka_error_t *error;

	kafka->field_count = 0;
	if (record->header_count > 0)
		kafka->fields = mem_grow(
			kafka->fields, FIELDS_MAX + record->header_count, sizeof *kafka->fields);
	field(kafka, RD_KAFKA_VTYPE_RKT)->u.rkt = kafka->topics[target(kafka, record)];
	field(kafka, RD_KAFKA_VTYPE_PARTITION)->u.i32 =
		chosen ? record->partition : kafka->partition;
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
	}
	return code;
}

static enum put_result kafka_put(void *state, const struct frame_record *record, uint64_t ticket)
{
	struct kafka *kafka = state;
	rd_kafka_resp_err_t error;

	if (!kafka->outlet->ready)
		return PUT_FULL;
	error = produce(kafka, record, ticket);
	if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
		page_count(kafka->stage->page, COUNT_BYTES_OUT, record->head.length);
		return PUT_UNDER_WAY;
	}
	if (error == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
		kafka->full = true;
		return PUT_FULL;
	}
	if (error == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)
		return PUT_TOO_LARGE;
	/* Nothing of it was taken: hold it for ever, and end. */
	log_error("cannot produce to '%s': %s", kafka->names[target(kafka, record)],
		rd_kafka_err2str(error));
	stage_fail(kafka->stage, STATUS_TEMPFAIL);
	return PUT_FULL;
}

static void kafka_flush(void *state)
{
	(void)state; /* the client sends by itself */
}

/* ---- opening */

static rd_kafka_topic_t *topic_handle(struct kafka *kafka, const char *name)
{
	const char *partitioner = kafka->outlet->config->partitioner;
	rd_kafka_topic_conf_t *conf = rd_kafka_default_topic_conf_dup(kafka->client);
	rd_kafka_topic_t *topic;
	char why[512];

	if (strcmp(partitioner, "manual") != 0 &&
		rd_kafka_topic_conf_set(conf, "partitioner", partitioner, why, sizeof why) !=
			RD_KAFKA_CONF_OK)
		die_plain(STATUS_CONFIG, "partitioner '%s': %s", partitioner, why);
	topic = rd_kafka_topic_new(kafka->client, name, conf);
	if (topic == NULL)
		die_plain(STATUS_CONFIG, "topic '%s': %s", name,
			rd_kafka_err2str(rd_kafka_last_error()));
	return topic;
}

static void open_topics(struct kafka *kafka, const struct sink_config *sink)
{
	kafka->topic_count = sink->topics.count + 1;
	kafka->topics = mem_array(kafka->topic_count, sizeof(rd_kafka_topic_t *));
	kafka->names = mem_array(kafka->topic_count, sizeof(char *));
	kafka->partitions = mem_array(kafka->topic_count, sizeof(int32_t));
	for (size_t i = 0; i < kafka->topic_count; i++) {
		kafka->names[i] = i == 0 ? sink->topic : sink->topics.items[i - 1];
		kafka->topics[i] = topic_handle(kafka, kafka->names[i]);
	}
}

static size_t number_of(const rd_kafka_conf_t *conf, const char *property)
{
	return strtoul(kafka_property(conf, property), NULL, 10);
}

/* `answers`: for kafka_check, else NULL. */
static rd_kafka_conf_t *configure(const struct config *config, const struct sink_config *sink,
	struct kafka_answers *answers)
{
	char largest[32];
	/* Two requests under way: a broker works on one of a connection at a time, the other hides
	 * the way. With more, librdkafka's thread polls without waiting: it has room for a request,
	 * but its idempotent producer sends only one a partition at a time. */
	const struct kafka_default defaults[] = {{"enable.idempotence", "true"},
		{"max.in.flight", "2"},
		/* For ever: a record that timed out would be lost for the sink, not for us. */
		{"message.timeout.ms", "0"}, {"message.max.bytes", largest},
		{"queue.buffering.max.messages", "500000"},
		{"queue.buffering.max.kbytes", "262144"}};

	/* All that a frame holds: around a record stands less in a request than in a frame. */
	snprintf(largest, sizeof largest, "%lld",
		(long long)config->max_record_size + LIMIT_FRAME_MORE > CLIENT_DEFAULT
			? (long long)config->max_record_size + LIMIT_FRAME_MORE
			: CLIENT_DEFAULT);
	return kafka_conf(sink->brokers, defaults, sizeof defaults / sizeof defaults[0],
		&sink->properties, answers);
}

static void check(const struct config *config, const char *section, const struct sink_config *sink,
	struct buf *out)
{
	struct kafka_answers answers = {section, &sink->properties, out};

	kafka_check(RD_KAFKA_PRODUCER, configure(config, sink, &answers), &answers);
}

static void *kafka_open(struct outlet *outlet)
{
	const struct sink_config *sink = outlet->config;
	struct stage *stage = outlet->stage;
	struct kafka *kafka = mem_alloc(sizeof *kafka);
	rd_kafka_conf_t *conf = configure(stage->config, sink, NULL);
	rd_kafka_queue_t *queue;

	kafka_health_init(&kafka->health);
	kafka->outlet = outlet;
	kafka->stage = stage;
	kafka->size_max = number_of(conf, "message.max.bytes");
	kafka->batch_max = number_of(conf, "batch.size");
	if (kafka->batch_max > kafka->size_max)
		kafka->batch_max = kafka->size_max;
	kafka->partition = sink->partition >= 0 ? sink->partition : RD_KAFKA_PARTITION_UA;
	kafka->fields = mem_array(FIELDS_MAX, sizeof *kafka->fields);
	rd_kafka_conf_set_opaque(conf, kafka);
	rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
	kafka->client = kafka_client(RD_KAFKA_PRODUCER, conf);
	queue = rd_kafka_queue_get_main(kafka->client);
	kafka->event_fd = kafka_queue_descriptor(queue);
	rd_kafka_queue_destroy(queue); /* the handle alone */
	open_topics(kafka, sink);
	connect_topics(kafka);
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
	.check = check};
