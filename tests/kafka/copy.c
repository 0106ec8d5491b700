/*
 * kafka-copy: copies a topic, with one fault on request. It is there to show that kafka-compare
 * sees each of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/options.h"
#include "base/status.h"
#include "client.h"

enum { OPTION_BREAK = OPTION_OWN, HEADERS_MAX = 64 };

static const char usage[] =
	"usage: kafka-copy -b brokers [--break FAULT] input output\n"
	"Copies each record into the same partition. FAULT is done once, to the first record that\n"
	"it fits: lose, double, late (behind all others of its partition), invent, key, value,\n"
	"timestamp, null-key, null-value, null-header (null becomes empty), empty-key,\n"
	"empty-value (empty becomes null), header-lost, header-value, header-order\n"
	"  -b, --brokers BROKERS\n"
	"      --break FAULT\n"
	"      --help\n"
	"      --version\n";

static const struct program program = {"kafka-copy", usage, NULL};

struct header {
	const char *name;
	const void *value;
	size_t length;
};

struct copy {
	rd_kafka_t *producer;
	const char *topic;
	const char *fault; /* NULL: none, or none any more */
	struct header headers[HEADERS_MAX];
	size_t header_count;
};

static void take_headers(struct copy *copy, const rd_kafka_message_t *message)
{
	rd_kafka_headers_t *headers;

	copy->header_count = 0;
	if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return;
	for (size_t i = 0; i < HEADERS_MAX; i++) {
		struct header *header = &copy->headers[i];

		if (rd_kafka_header_get_all(headers, i, &header->name, &header->value,
			    &header->length) != RD_KAFKA_RESP_ERR_NO_ERROR)
			break;
		copy->header_count = i + 1;
	}
}

static void write_record(struct copy *copy, const rd_kafka_message_t *message, int64_t timestamp)
{
	rd_kafka_vu_t arguments[6 + HEADERS_MAX];
	size_t count = 0;
	rd_kafka_error_t *error;

	arguments[count++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = copy->topic};
	arguments[count++] =
		(rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = message->partition};
	arguments[count++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = timestamp};
	arguments[count++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_MSGFLAGS,
		.u.i = RD_KAFKA_MSG_F_COPY | RD_KAFKA_MSG_F_BLOCK};
	arguments[count++] = (rd_kafka_vu_t){
		.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {message->key, message->key_len}};
	arguments[count++] = (rd_kafka_vu_t){
		.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {message->payload, message->len}};
	for (size_t i = 0; i < copy->header_count; i++)
		arguments[count++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_HEADER,
			.u.header = {copy->headers[i].name, copy->headers[i].value,
				(ssize_t)copy->headers[i].length}};
	error = rd_kafka_produceva(copy->producer, arguments, count);
	if (error != NULL)
		die(STATUS_TEMPFAIL, "cannot produce: %s", rd_kafka_error_string(error));
}

/* Whether this is the fault to do now; it is done once. */
static bool now(struct copy *copy, const char *fault, bool fits)
{
	if (!fits || copy->fault == NULL || strcmp(copy->fault, fault) != 0)
		return false;
	copy->fault = NULL;
	return true;
}

/* The first header that is null, or that is not empty; NULL when there is none. */
static struct header *find_header(struct copy *copy, bool null)
{
	for (size_t i = 0; i < copy->header_count; i++)
		if (null ? copy->headers[i].value == NULL : copy->headers[i].length > 0)
			return &copy->headers[i];
	return NULL;
}

static bool first_two_differ(const struct copy *copy)
{
	return copy->header_count >= 2 && strcmp(copy->headers[0].name, copy->headers[1].name) != 0;
}

static void break_headers(struct copy *copy)
{
	if (now(copy, "header-lost", copy->header_count > 0))
		copy->header_count--;
	if (now(copy, "header-value", find_header(copy, false) != NULL))
		find_header(copy, false)->length--;
	if (now(copy, "null-header", find_header(copy, true) != NULL))
		find_header(copy, true)->value = "";
	if (now(copy, "header-order", first_two_differ(copy))) {
		struct header first = copy->headers[0];

		copy->headers[0] = copy->headers[1];
		copy->headers[1] = first;
	}
}

static void copy_one(void *context, const rd_kafka_message_t *original)
{
	struct copy *copy = context;
	rd_kafka_message_t message = *original;
	rd_kafka_timestamp_type_t type;
	int64_t timestamp = rd_kafka_message_timestamp(original, &type);

	take_headers(copy, original);
	break_headers(copy);
	if (now(copy, "key", message.key_len > 1))
		message.key_len--;
	if (now(copy, "value", message.len > 1))
		message.len--;
	if (now(copy, "null-key", message.key == NULL))
		message.key = (void *)(size_t) "";
	if (now(copy, "null-value", message.payload == NULL))
		message.payload = (void *)(size_t) "";
	if (now(copy, "empty-key", message.key != NULL && message.key_len == 0))
		message.key = NULL;
	if (now(copy, "empty-value", message.payload != NULL && message.len == 0))
		message.payload = NULL;
	if (now(copy, "timestamp", true))
		timestamp++;
	if (now(copy, "lose", true))
		return;
	if (now(copy, "double", true))
		write_record(copy, &message, timestamp);
	if (now(copy, "invent", true))
		write_record(copy, &message, timestamp + 1000000000);
	write_record(copy, &message, timestamp);
}

/* For `late`, the topic is read twice: without its partition 0's first record, then that alone. */
static bool is_first(const rd_kafka_message_t *message)
{
	return message->partition == 0 && message->offset == 0;
}

static void copy_others(void *context, const rd_kafka_message_t *message)
{
	if (!is_first(message))
		copy_one(context, message);
}

static void copy_first(void *context, const rd_kafka_message_t *message)
{
	if (is_first(message))
		copy_one(context, message);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {OPTIONS_COMMON,
		{"brokers", required_argument, NULL, 'b'},
		{"break", required_argument, NULL, OPTION_BREAK}, {0}};
	const char *brokers = NULL, *fault = NULL;
	rd_kafka_conf_t *conf;
	struct copy copy = {0};
	int option;

	log_init(program.name);
	while ((option = getopt_long(argc, argv, "qvb:", options, NULL)) != -1) {
		if (option == 'b')
			brokers = optarg;
		else if (option == OPTION_BREAK)
			fault = optarg;
		else
			options_common(&program, option);
	}
	if (brokers == NULL || argc - optind != 2)
		options_misuse(&program, "brokers, an input and an output topic are needed");
	conf = client_producer_conf(brokers);
	copy.producer = client_new(RD_KAFKA_PRODUCER, conf);
	copy.topic = argv[optind + 1];
	client_partitions(copy.producer, copy.topic); /* known before the first record comes */
	if (fault != NULL && strcmp(fault, "late") == 0) {
		client_read(brokers, argv[optind], copy_others, &copy);
		client_read(brokers, argv[optind], copy_first, &copy);
	} else {
		copy.fault = fault;
		client_read(brokers, argv[optind], copy_one, &copy);
	}
	if (rd_kafka_flush(copy.producer, 60000) != RD_KAFKA_RESP_ERR_NO_ERROR)
		die(STATUS_TEMPFAIL, "cannot deliver everything");
	rd_kafka_destroy(copy.producer);
	if (copy.fault != NULL)
		die(STATUS_FAILED, "no record for '%s'", copy.fault);
	return STATUS_OK;
}
