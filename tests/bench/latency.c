/*
 * bench-latency: produces records at an even rate into one topic, each with the time in its value,
 * reads what a contender makes of them from another, and prints how long that took: producing,
 * the contender and its two ways to the broker, consuming. One process, so one clock.
 */
#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../kafka/client.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/options.h"
#include "base/status.h"
#include "base/text.h"

enum {
	FIRST_MS = 60000, /* until the contender has passed on a first record */
	PROBE_MS = 100,
	LAST_MS = 90000, /* after the last record was produced */
	FAST = 5000, /* more a second go out in steps of a millisecond: waking for each costs a core */
	STEP_NS = 1000000,
	POLL_EVERY = 64,
	SIZE = 100,
	KEYS = 1000
};

static const char usage[] =
	"usage: bench-latency -b brokers [-r rate] [-l rate] [-w count] [-n count] input output\n"
	"Prints: records, then microseconds: p50, p99, p99.9, the longest; then, in nanoseconds of the\n"
	"monotonic clock, when the first and the last measured record was produced, and when the last\n"
	"came back.\n"
	"  -b, --brokers BROKERS\n"
	"  -r, --rate COUNT       records a second (default: 1000); from 5001 in steps of 1 ms, with\n"
	"                         linger.ms=1, else each at its time, with 0\n"
	"  -l, --load COUNT       beside them so many records a second in partition 0, which are not\n"
	"                         passed on; the measured ones are all in partition 1\n"
	"  -w, --warm COUNT       that many at first are not measured (default: 2000)\n"
	"  -n, --count COUNT      measured records (default: 5000)\n"
	"      --help\n"
	"      --version\n";

static const struct program program = {"bench-latency", usage, NULL};

struct latency {
	const char *brokers, *input, *output;
	int64_t rate, warm, count;
	int64_t load; /* -1: none, and the measured ones in all partitions */
	_Atomic int64_t probe; /* the last one that came back: earlier ones may have been missed */
	_Atomic int64_t measured; /* of the measured ones */
	int64_t begun, finished; /* when the first and the last measured record was produced */
	int64_t returned; /* when the last of them came back */
	_Atomic bool reading, warmed, ended;
	int64_t *nanoseconds;
};

static void add_measured(struct latency *latency, int64_t now, int64_t nanoseconds)
{
	int64_t measured = latency->measured;

	latency->nanoseconds[measured] = nanoseconds;
	latency->returned = now;
	latency->measured = measured + 1;
}

static void record_back(struct latency *latency, const rd_kafka_message_t *message, int64_t now)
{
	long long number, sent;
	char text[SIZE + 1];

	if (message->len != SIZE)
		die(STATUS_DATA, "a record came back with %zu bytes, not %d", message->len, SIZE);
	memcpy(text, message->payload, SIZE);
	text[SIZE] = '\0';
	if (sscanf(text, "%lld %lld", &number, &sent) != 2)
		die(STATUS_DATA, "a record came back changed: '%s'", text);
	if (number < 0 && !latency->warmed)
		latency->probe = -number > latency->probe ? -number : latency->probe;
	else if (number >= 0 && latency->measured < latency->count)
		add_measured(latency, now, now - sent);
}

static void *read_back(void *argument)
{
	struct latency *latency = argument;
	rd_kafka_conf_t *conf = client_consumer_conf(latency->brokers);
	rd_kafka_topic_partition_list_t *list;
	rd_kafka_t *client;
	int partitions;

	client_set(conf, "enable.partition.eof", "false");
	client_set(conf, "socket.nagle.disable", "true");
	client = client_new(RD_KAFKA_CONSUMER, conf);
	partitions = client_partitions(client, latency->output);
	list = rd_kafka_topic_partition_list_new(partitions);
	for (int i = 0; i < partitions; i++) {
		int64_t low, high;

		client_ends(client, latency->output, i, &low, &high);
		rd_kafka_topic_partition_list_add(list, latency->output, i)->offset = high;
	}
	rd_kafka_assign(client, list);
	rd_kafka_topic_partition_list_destroy(list);
	latency->reading = true;
	while (!latency->ended) {
		rd_kafka_message_t *message = rd_kafka_consumer_poll(client, 100);

		if (message == NULL)
			continue;
		if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
			record_back(latency, message, clock_ns());
		rd_kafka_message_destroy(message);
	}
	rd_kafka_consumer_close(client);
	rd_kafka_destroy(client);
	return NULL;
}

/* A number below zero is one that is not measured. */
static void produce(const struct latency *latency, rd_kafka_t *client, rd_kafka_topic_t *topic,
	int partitions, int64_t number)
{
	int partition;
	char value[SIZE + 1], key[32];
	int key_length, length;

	key_length = snprintf(key, sizeof key, "key-%lld", llabs((long long)number) % KEYS);
	length = snprintf(
		value, sizeof value, "%lld %lld ", (long long)number, (long long)clock_ns());
	memset(value + length, 'x', SIZE - (size_t)length);
	partition = latency->load < 0 ? client_key_partition(key, (size_t)key_length, partitions)
				      : 1;
	if (rd_kafka_produce(topic, partition, RD_KAFKA_MSG_F_COPY, value, SIZE, key,
		    (size_t)key_length, NULL) < 0)
		die(STATUS_TEMPFAIL, "cannot produce: %s", rd_kafka_err2str(rd_kafka_last_error()));
	if (number % POLL_EVERY == 0)
		rd_kafka_poll(client, 0);
}

static void sleep_until(int64_t due_ns)
{
	struct timespec due = {due_ns / 1000000000, due_ns % 1000000000};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) != 0)
		;
}

/* Until a record is due; `step_ns` later unless it is due already. */
static void wait_until_due(int64_t due_ns, int64_t step_ns)
{
	if (clock_ns() < due_ns)
		sleep_until(due_ns + step_ns);
}

static void wait_for(const _Atomic int64_t *value, int64_t least, int64_t ms, const char *what)
{
	int64_t deadline = clock_ms() + ms;

	while (*value < least) {
		if (clock_ms() > deadline)
			die(STATUS_UNAVAILABLE, "%s: %lld of %lld records", what, (long long)*value,
				(long long)least);
		sleep_until(clock_ns() + 1000000);
	}
}

static void produce_load(rd_kafka_topic_t *topic)
{
	char value[SIZE];

	memset(value, 'x', SIZE);
	if (rd_kafka_produce(topic, 0, RD_KAFKA_MSG_F_COPY, value, SIZE, NULL, 0, NULL) < 0)
		die(STATUS_TEMPFAIL, "cannot produce: %s", rd_kafka_err2str(rd_kafka_last_error()));
}

/* The measured records, and between them the load. */
static void produce_measured(struct latency *latency, rd_kafka_t *client, rd_kafka_topic_t *topic,
	int partitions)
{
	int64_t begun = clock_ns(), loaded = 0, step = latency->rate > FAST ? STEP_NS : 0;

	for (int64_t i = 0; i < latency->warm + latency->count; i++) {
		int64_t due = begun + i * 1000000000 / latency->rate;

		while (latency->load > 0 && begun + loaded * 1000000000 / latency->load < due) {
			sleep_until(begun + loaded * 1000000000 / latency->load);
			produce_load(topic);
			loaded++;
		}
		wait_until_due(due, step);
		if (i == latency->warm)
			latency->begun = clock_ns();
		produce(latency, client, topic, partitions, i - latency->warm);
	}
	latency->finished = clock_ns();
}

static void produce_all(struct latency *latency)
{
	rd_kafka_conf_t *conf = client_producer_conf(latency->brokers);
	int64_t deadline = clock_ms() + FIRST_MS, probes = 0;
	rd_kafka_topic_t *topic;
	rd_kafka_t *client;
	int partitions;

	client_set(conf, "linger.ms", latency->rate > FAST ? "1" : "0");
	client = client_new(RD_KAFKA_PRODUCER, conf);
	partitions = client_partitions(client, latency->input);
	topic = rd_kafka_topic_new(client, latency->input, NULL);
	while (latency->probe == 0) { /* until the contender is there */
		if (clock_ms() > deadline)
			die(STATUS_UNAVAILABLE, "no record came back within %d s", FIRST_MS / 1000);
		probes++;
		produce(latency, client, topic, partitions, -probes);
		sleep_until(clock_ns() + PROBE_MS * 1000000LL);
	}
	wait_for(&latency->probe, probes, LAST_MS, "the first records");
	latency->warmed = true;
	produce_measured(latency, client, topic, partitions);
	wait_for(&latency->measured, latency->count, LAST_MS, "the last records");
	rd_kafka_flush(client, LAST_MS);
	rd_kafka_topic_destroy(topic);
	rd_kafka_destroy(client);
}

static int compare(const void *a, const void *b)
{
	const int64_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

static void print_percentiles(struct latency *latency)
{
	static const double shares[] = {0.5, 0.99, 0.999, 1};

	qsort(latency->nanoseconds, (size_t)latency->count, sizeof(int64_t), compare);
	printf("%lld", (long long)latency->count);
	for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
		int64_t rank = (int64_t)((double)latency->count * shares[i] + 0.999999);

		printf(" %lld", (long long)(latency->nanoseconds[rank < 1 ? 0 : rank - 1] / 1000));
	}
	printf(" %lld %lld %lld\n", (long long)latency->begun, (long long)latency->finished,
		(long long)latency->returned);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {OPTIONS_COMMON,
		{"brokers", required_argument, NULL, 'b'}, {"load", required_argument, NULL, 'l'}, {"rate", required_argument, NULL, 'r'},
		{"warm", required_argument, NULL, 'w'}, {"count", required_argument, NULL, 'n'},
		{0}};
	struct latency latency = {.rate = 1000, .load = -1, .warm = 2000, .count = 5000};
	pthread_t reader;
	int option;

	log_init(program.name);
	while ((option = getopt_long(argc, argv, "qvb:l:r:w:n:", options, NULL)) != -1) {
		int64_t *number = option == 'r'   ? &latency.rate
				  : option == 'l' ? &latency.load
				  : option == 'w' ? &latency.warm
						  : &latency.count;

		if (option == 'b')
			latency.brokers = optarg;
		else if (strchr("lrwn", option) == NULL)
			options_common(&program, option);
		else if (!text_integer(optarg, option == 'w' || option == 'l' ? 0 : 1, 10000000, number))
			options_misuse(&program, "'%s' is not a number", optarg);
	}
	if (latency.brokers == NULL || argc - optind != 2)
		options_misuse(&program, "brokers, an input and an output topic are needed");
	latency.input = argv[optind];
	latency.output = argv[optind + 1];
	latency.nanoseconds = mem_array((size_t)latency.count, sizeof(int64_t));
	if (pthread_create(&reader, NULL, read_back, &latency) != 0)
		die(STATUS_TEMPFAIL, "cannot start a thread");
	while (!latency.reading)
		sleep_until(clock_ns() + 1000000);
	produce_all(&latency);
	latency.ended = true;
	pthread_join(reader, NULL);
	print_percentiles(&latency);
	free(latency.nanoseconds);
	return STATUS_OK;
}
