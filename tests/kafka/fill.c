/*
 * kafka-fill: writes a load into a topic that its options and seed repeat exactly: each record's
 * partition, key, headers, timestamp and value. No two records of one call are equal, since each
 * has a timestamp of its own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/options.h"
#include "base/status.h"
#include "base/text.h"
#include "client.h"
#include "random.h"

enum {
	VALUE_MAX = 1 << 20,
	HEADERS_MAX = 20,
	SHAPED_VALUE_MAX = 10 << 20,
	SHAPED_HEADERS_MAX = 10000,
	BIG_EVERY = 500 /* special records: one in so many has a value of 1 MiB */
};
#define FIRST_TIMESTAMP 1700000000000 /* ms; one more for each record */

/* --shapes: values of so many bytes, -1: null; then records with so many headers. */
static const int32_t shaped_values[] = {-1, 0, 1, 4095, 4096, 4097, 65535, 65536, 65537,
	VALUE_MAX - 1, VALUE_MAX, VALUE_MAX + 1, SHAPED_VALUE_MAX};
static const int32_t shaped_headers[] = {0, 1, 1000, SHAPED_HEADERS_MAX};

enum {
	SHAPED_VALUES = sizeof shaped_values / sizeof shaped_values[0],
	SHAPES = SHAPED_VALUES + sizeof shaped_headers / sizeof shaped_headers[0]
};

enum { OPTION_SPECIAL = OPTION_OWN, OPTION_SHAPES, OPTION_FIRST, OPTION_RATE, OPTION_JSON,
	OPTION_TRANSACTION };

static const char usage[] =
	"usage: kafka-fill -b brokers -t topic [-n count] [-s size] [-k keys] [-S seed]\n"
	"                  [--special count | --shapes] [--json] [--first id]\n"
	"                  [--rate records/s] [--transaction commit | abort | open]\n"
	"  -b, --brokers BROKERS\n"
	"  -t, --topic TOPIC      its partitions are used by the key's hash\n"
	"  -n, --count COUNT      plain records (default: 1000), value \"ID text ...\"\n"
	"  -s, --size BYTES       a plain value's size (default: 100)\n"
	"  -k, --keys COUNT       different keys of plain records (default: 1000)\n"
	"  -S, --seed SEED        default: 1\n"
	"      --special COUNT    among them, so many records with headers (doubled, null, empty,\n"
	"                         binary), binary, null and empty keys, null and empty values and\n"
	"                         values of 1 byte and 1 MiB (for which the topic needs\n"
	"                         max.message.bytes=2097152)\n"
	"      --json             plain values are JSON, {\"id\": ID, \"text\": \"...\"}\n"
	"      --shapes           nothing but records of 17 shapes, in turn: values from null to\n"
	"                         10 MiB, and from 0 to 10,000 headers (the topic needs\n"
	"                         max.message.bytes=16777216)\n"
	"      --first ID         of the first record (default: 0)\n"
	"      --rate COUNT       records a second (default: as fast as possible)\n"
	"      --transaction HOW  all records in one transaction, which is ended so; open: it is\n"
	"                         left to the broker, which ends it after a minute\n"
	"      --help\n"
	"      --version\n";

static const struct program program = {"kafka-fill", usage, NULL};

struct load {
	const char *brokers;
	const char *topic;
	int64_t count;
	int64_t special;
	bool shapes;
	int64_t size;
	int64_t keys;
	int64_t seed;
	int64_t first;
	int64_t rate;
	bool json;
	const char *transaction; /* commit, abort, open, or NULL: none */
};

struct header {
	char name[8];
	const uint8_t *value; /* NULL: null */
	size_t length;
};

struct record {
	const uint8_t *key; /* NULL: null */
	size_t key_length;
	const uint8_t *value; /* NULL: null */
	size_t value_length;
	struct header *headers; /* SHAPED_HEADERS_MAX */
	size_t header_count;
};

/* Memory that records point into; librdkafka copies them. */
struct scratch {
	char key[32];
	uint8_t bytes[256];
	uint8_t value[SHAPED_VALUE_MAX];
	struct header headers[SHAPED_HEADERS_MAX];
	rd_kafka_vu_t arguments[6 + SHAPED_HEADERS_MAX];
};

static void make_plain(struct record *record, const struct load *load, int64_t id,
	struct scratch *scratch, uint64_t *random)
{
	const char *end = load->json ? "\"}" : "";
	int64_t room = load->size - (int64_t)strlen(end);
	int front;

	record->key = (uint8_t *)scratch->key;
	record->key_length = (size_t)snprintf(scratch->key, sizeof scratch->key, "key-%u",
		random_below(random, (uint32_t)load->keys));
	front = snprintf((char *)scratch->value, 64,
		load->json ? "{\"id\": %lld, \"text\": \"" : "%lld ", (long long)id);
	for (int64_t at = front; at < room; at += 8) {
		uint64_t bits = random_next(random);

		for (int64_t i = at; i < at + 8 && i < room; i++, bits >>= 8)
			scratch->value[i] = (uint8_t)('a' + bits % 26);
	}
	if (room < front)
		room = front;
	memcpy(scratch->value + room, end, strlen(end));
	record->value = scratch->value;
	record->value_length = (size_t)room + strlen(end);
}

/* A part of the 256 byte values in some order: NULL, empty, or up to 256 bytes. */
static const uint8_t *some_bytes(struct scratch *scratch, uint64_t *random, size_t *length)
{
	uint32_t which = random_below(random, 4);
	uint32_t from = random_below(random, 256);

	*length = 0;
	if (which == 0)
		return NULL;
	if (which > 1)
		*length = 1 + random_below(random, 256 - from);
	return scratch->bytes + from;
}

static void fill_value(
	struct record *record, size_t length, struct scratch *scratch, uint64_t *random)
{
	for (size_t i = 0; i < length; i += 8) {
		uint64_t bits = random_next(random);

		memcpy(scratch->value + i, &bits, length - i < 8 ? length - i : 8);
	}
	record->value = scratch->value;
	record->value_length = length;
}

static void make_special(
	struct record *record, int64_t number, struct scratch *scratch, uint64_t *random)
{
	for (int i = 0; i < 256; i++) { /* shuffled anew for each record */
		uint32_t j = random_below(random, (uint32_t)i + 1);

		scratch->bytes[i] = scratch->bytes[j];
		scratch->bytes[j] = (uint8_t)i;
	}
	record->key = some_bytes(scratch, random, &record->key_length);
	record->header_count = random_below(random, HEADERS_MAX + 1);
	for (size_t i = 0; i < record->header_count; i++) {
		struct header *header = &record->headers[i];

		snprintf(header->name, sizeof header->name, "h%u", random_below(random, 6));
		header->value = some_bytes(scratch, random, &header->length);
	}
	if (number % BIG_EVERY == 0) {
		fill_value(record, VALUE_MAX, scratch, random);
	} else if (random_below(random, 4) == 0) {
		scratch->value[0] = (uint8_t)random_below(random, 256);
		record->value = scratch->value;
		record->value_length = 1;
	} else {
		record->value = some_bytes(scratch, random, &record->value_length);
	}
}

static void make_shape(struct record *record, int64_t id, struct scratch *scratch, uint64_t *random)
{
	uint32_t shape = (uint32_t)(id % SHAPES);

	record->key = (uint8_t *)scratch->key;
	record->key_length =
		(size_t)snprintf(scratch->key, sizeof scratch->key, "shape-%lld", (long long)id);
	if (shape < SHAPED_VALUES) {
		if (shaped_values[shape] >= 0)
			fill_value(record, (size_t)shaped_values[shape], scratch, random);
		return;
	}
	fill_value(record, 100, scratch, random);
	record->header_count = (size_t)shaped_headers[shape - SHAPED_VALUES];
	for (size_t i = 0; i < record->header_count; i++) {
		struct header *header = &record->headers[i];
		uint32_t which = random_below(random, 10);

		/* Each tenth name is empty; of the others many are there more than once. */
		if (which == 0)
			header->name[0] = '\0';
		else
			snprintf(header->name, sizeof header->name, "h%u",
				random_below(random, 5000));
		header->length = which < 2 ? 0 : which;
		header->value = which == 1 ? NULL : scratch->value + which;
	}
}

static int32_t choose_partition(const struct record *record, int partitions, uint64_t *random)
{
	if (record->key == NULL)
		return (int32_t)random_below(random, (uint32_t)partitions);
	return client_key_partition(record->key, record->key_length, partitions);
}

static void on_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *context)
{
	int64_t *delivered = context;

	(void)client;
	if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
		die(STATUS_TEMPFAIL, "cannot deliver: %s", rd_kafka_err2str(message->err));
	(*delivered)++;
}

static void produce(rd_kafka_t *client, rd_kafka_topic_t *topic, int32_t partition,
	int64_t timestamp, const struct record *record, rd_kafka_vu_t *arguments)
{
	size_t count = 0;

	arguments[count++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = topic};
	arguments[count++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = partition};
	arguments[count++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = timestamp};
	arguments[count++] =
		(rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY};
	arguments[count++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_KEY,
		.u.mem = {(void *)(size_t)record->key, record->key_length}};
	arguments[count++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_VALUE,
		.u.mem = {(void *)(size_t)record->value, record->value_length}};
	for (size_t i = 0; i < record->header_count; i++) {
		const struct header *header = &record->headers[i];

		arguments[count++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_HEADER,
			.u.header = {header->name, header->value, (ssize_t)header->length}};
	}
	for (;;) {
		rd_kafka_error_t *error = rd_kafka_produceva(client, arguments, count);

		if (error == NULL)
			return;
		if (rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR__QUEUE_FULL)
			die(STATUS_TEMPFAIL, "cannot produce: %s", rd_kafka_error_string(error));
		rd_kafka_error_destroy(error);
		rd_kafka_poll(client, 10);
	}
}

/* Keeps to the rate: serves the client until record number `done` is due. */
static void pace(rd_kafka_t *client, int64_t begun_ns, int64_t done, int64_t rate)
{
	int64_t due_ns = begun_ns + (int64_t)((double)done * 1e9 / (double)rate);
	int64_t left_ns = due_ns - clock_ns();

	if (left_ns < 1000000)
		return;
	rd_kafka_poll(client, 0);
	nanosleep(&(struct timespec){left_ns / 1000000000, left_ns % 1000000000}, NULL);
}

enum { TRANSACTION_MS = 60000 };

static void must(rd_kafka_error_t *error)
{
	if (error != NULL)
		die(STATUS_TEMPFAIL, "transaction: %s", rd_kafka_error_string(error));
}

static void begin_transaction(rd_kafka_t *client)
{
	must(rd_kafka_init_transactions(client, TRANSACTION_MS));
	must(rd_kafka_begin_transaction(client));
}

static void end_transaction(rd_kafka_t *client, const char *how)
{
	if (strcmp(how, "commit") == 0)
		must(rd_kafka_commit_transaction(client, TRANSACTION_MS));
	else if (strcmp(how, "abort") == 0)
		must(rd_kafka_abort_transaction(client, TRANSACTION_MS));
}

static void fill(const struct load *load)
{
	rd_kafka_conf_t *conf = client_producer_conf(load->brokers);
	int64_t total = load->count + load->special;
	int64_t delivered = 0, specials = 0, begun = clock_ns();
	struct scratch *scratch = mem_alloc(sizeof *scratch);
	rd_kafka_topic_t *topic;
	rd_kafka_t *client;
	int partitions;
	double seconds;

	rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
	rd_kafka_conf_set_opaque(conf, &delivered);
	if (load->transaction != NULL)
		client_set(conf, "transactional.id", load->topic);
	client = client_new(RD_KAFKA_PRODUCER, conf);
	if (load->transaction != NULL)
		begin_transaction(client);
	partitions = client_partitions(client, load->topic);
	topic = rd_kafka_topic_new(client, load->topic, NULL);
	for (int64_t i = 0; i < total; i++) {
		int64_t id = load->first + i;
		uint64_t random = random_mix((uint64_t)load->seed) ^ random_mix((uint64_t)id + 1);
		struct record record = {.headers = scratch->headers};

		if (load->shapes)
			make_shape(&record, id, scratch, &random);
		else if ((i + 1) * load->special / total > specials)
			make_special(&record, specials++, scratch, &random);
		else
			make_plain(&record, load, id, scratch, &random);
		if (load->rate > 0)
			pace(client, begun, i, load->rate);
		produce(client, topic, choose_partition(&record, partitions, &random),
			FIRST_TIMESTAMP + id, &record, scratch->arguments);
		if (i % 1024 == 0)
			rd_kafka_poll(client, 0);
	}
	rd_kafka_flush(client, 120000);
	if (delivered != total)
		die(STATUS_TEMPFAIL, "only %lld of %lld records were delivered",
			(long long)delivered, (long long)total);
	if (load->transaction != NULL)
		end_transaction(client, load->transaction);
	seconds = (double)(clock_ns() - begun) / 1e9;
	printf("%lld records in %.2f s\n", (long long)total, seconds);
	rd_kafka_topic_destroy(topic);
	rd_kafka_destroy(client);
	free(scratch);
}

static void number(const char *text, int64_t low, int64_t high, int64_t *value)
{
	if (!text_integer(text, low, high, value))
		options_misuse(&program, "'%s' is not a number from %lld to %lld", text,
			(long long)low, (long long)high);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {OPTIONS_COMMON,
		{"brokers", required_argument, NULL, 'b'}, {"topic", required_argument, NULL, 't'},
		{"count", required_argument, NULL, 'n'}, {"size", required_argument, NULL, 's'},
		{"keys", required_argument, NULL, 'k'}, {"seed", required_argument, NULL, 'S'},
		{"special", required_argument, NULL, OPTION_SPECIAL},
		{"json", no_argument, NULL, OPTION_JSON},
		{"shapes", no_argument, NULL, OPTION_SHAPES},
		{"first", required_argument, NULL, OPTION_FIRST},
		{"rate", required_argument, NULL, OPTION_RATE},
		{"transaction", required_argument, NULL, OPTION_TRANSACTION}, {0}};
	struct load load = {.count = 1000, .size = 100, .keys = 1000, .seed = 1};
	int option;

	log_init(program.name);
	while ((option = getopt_long(argc, argv, "qvb:t:n:s:k:S:", options, NULL)) != -1) {
		switch (option) {
		case 'b':
			load.brokers = optarg;
			break;
		case 't':
			load.topic = optarg;
			break;
		case 'n':
			number(optarg, 0, 1000000000, &load.count);
			break;
		case 's':
			number(optarg, 1, VALUE_MAX, &load.size);
			break;
		case 'k':
			number(optarg, 1, 1000000000, &load.keys);
			break;
		case 'S':
			number(optarg, 0, INT64_MAX, &load.seed);
			break;
		case OPTION_SPECIAL:
			number(optarg, 0, 10000000, &load.special);
			break;
		case OPTION_JSON:
			load.json = true;
			break;
		case OPTION_SHAPES:
			load.shapes = true;
			break;
		case OPTION_FIRST:
			number(optarg, 0, INT64_MAX / 2, &load.first);
			break;
		case OPTION_RATE:
			number(optarg, 1, 1000000000, &load.rate);
			break;
		case OPTION_TRANSACTION:
			if (strcmp(optarg, "commit") != 0 && strcmp(optarg, "abort") != 0 &&
				strcmp(optarg, "open") != 0)
				options_misuse(&program, "'%s' is neither commit, abort nor open", optarg);
			load.transaction = optarg;
			break;
		default:
			options_common(&program, option);
		}
	}
	if (load.brokers == NULL || load.topic == NULL || optind != argc)
		options_misuse(&program, "brokers and a topic are needed, and nothing else");
	fill(&load);
	return STATUS_OK;
}
