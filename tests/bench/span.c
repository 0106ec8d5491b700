/*
 * bench-span: waits until a topic has so many records, then prints how many it has and when the
 * broker appended the first and the last of them (for topics with
 * message.timestamp.type=LogAppendTime). So no contender's own clock, start or end counts.
 */
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>

#include "../kafka/client.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/options.h"
#include "base/status.h"
#include "base/text.h"

enum { LOOK_MS = 100, READ_MS = 15000 };

static const char usage[] =
	"usage: bench-span -b brokers [-n count] [-T seconds] [-t] topic\n"
	"Prints: records, milliseconds since 1970 of the first and of the last append.\n"
	"  -b, --brokers BROKERS\n"
	"  -n, --count COUNT      wait until there are so many (default: 0)\n"
	"  -T, --time SECONDS     but not longer (default: 60); then status 69\n"
	"  -t, --transactions     reads them all to count them: a transaction's end has an offset, too\n"
	"      --help\n"
	"      --version\n";

static const struct program program = {"bench-span", usage, NULL};

static int64_t count_records(rd_kafka_t *client, const char *topic, int partitions)
{
	int64_t sum = 0;

	for (int i = 0; i < partitions; i++) {
		int64_t low, high;

		client_ends(client, topic, i, &low, &high);
		sum += high - low;
	}
	return sum;
}

/* Reads the record at one offset of each partition that is not empty; widens the span by when they
 * were appended. */
static void read_at(rd_kafka_t *client, const char *topic, const int64_t *offsets, int partitions,
	int64_t *first, int64_t *last)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
	int64_t deadline = clock_ms() + READ_MS;
	int left;

	for (int i = 0; i < partitions; i++)
		if (offsets[i] >= 0)
			rd_kafka_topic_partition_list_add(list, topic, i)->offset = offsets[i];
	rd_kafka_assign(client, list);
	left = list->cnt;
	rd_kafka_topic_partition_list_destroy(list);
	while (left > 0) {
		rd_kafka_message_t *message = rd_kafka_consumer_poll(client, 100);
		rd_kafka_timestamp_type_t type;
		int64_t time;

		if (clock_ms() > deadline)
			die(STATUS_UNAVAILABLE, "cannot read '%s': no answer", topic);
		if (message == NULL)
			continue;
		if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
			die(STATUS_UNAVAILABLE, "cannot read: %s",
				rd_kafka_message_errstr(message));
		time = rd_kafka_message_timestamp(message, &type);
		if (type != RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME)
			die(STATUS_CONFIG, "topic '%s' is not one with LogAppendTime", topic);
		if (message->offset == offsets[message->partition]) {
			*first = time < *first ? time : *first;
			*last = time > *last ? time : *last;
			left--;
		}
		rd_kafka_message_destroy(message);
	}
}

static void print_span(rd_kafka_t *client, const char *topic, int partitions)
{
	int64_t *begins = mem_array((size_t)partitions, sizeof *begins);
	int64_t *ends = mem_array((size_t)partitions, sizeof *ends);
	int64_t first = INT64_MAX, last = 0, sum = 0;

	for (int i = 0; i < partitions; i++) {
		client_ends(client, topic, i, &begins[i], &ends[i]);
		sum += ends[i] - begins[i];
		if (begins[i] == ends[i])
			begins[i] = ends[i] = 0;
		ends[i]--;
		if (ends[i] < 0)
			begins[i] = -1; /* an empty partition */
	}
	read_at(client, topic, begins, partitions, &first, &last);
	read_at(client, topic, ends, partitions, &first, &last);
	printf("%lld %lld %lld\n", (long long)sum, sum == 0 ? 0 : (long long)first,
		(long long)last);
	free(begins);
	free(ends);
}

static rd_kafka_t *new_reader(const char *brokers, bool everything)
{
	rd_kafka_conf_t *conf = client_consumer_conf(brokers);

	if (!everything) {
		client_set(conf, "enable.partition.eof", "false");
		client_set(conf, "fetch.message.max.bytes", "1024");
	}
	return client_new(RD_KAFKA_CONSUMER, conf);
}

static void wait_for_offsets(
	rd_kafka_t *client, const char *topic, int partitions, int64_t count, int64_t deadline)
{
	while (count_records(client, topic, partitions) < count) {
		if (clock_ms() > deadline)
			die(STATUS_UNAVAILABLE, "only %lld of %lld records in time",
				(long long)count_records(client, topic, partitions),
				(long long)count);
		rd_kafka_consumer_poll(client, LOOK_MS);
	}
}

struct census {
	int64_t count, first, last;
	bool *ended; /* by partition: all that is committed was read */
};

static bool all_ended(const struct census *census, int partitions)
{
	for (int i = 0; i < partitions; i++)
		if (!census->ended[i])
			return false;
	return true;
}

static void take(struct census *census, const rd_kafka_message_t *message)
{
	rd_kafka_timestamp_type_t type;
	int64_t time;

	if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
		census->ended[message->partition] = true;
		return;
	}
	if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
		die(STATUS_UNAVAILABLE, "cannot read: %s", rd_kafka_message_errstr(message));
	time = rd_kafka_message_timestamp(message, &type);
	census->ended[message->partition] = false;
	census->first = time < census->first ? time : census->first;
	census->last = time > census->last ? time : census->last;
	census->count++;
}

/* Reads committed records until there are `count` and no more. */
static void print_census(
	rd_kafka_t *client, const char *topic, int partitions, int64_t count, int64_t deadline)
{
	struct census census = {0, INT64_MAX, 0, mem_array((size_t)partitions, sizeof(bool))};
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);

	for (int i = 0; i < partitions; i++) {
		rd_kafka_topic_partition_list_add(list, topic, i)->offset =
			RD_KAFKA_OFFSET_BEGINNING;
		census.ended[i] = false;
	}
	rd_kafka_assign(client, list);
	rd_kafka_topic_partition_list_destroy(list);
	while (census.count < count || !all_ended(&census, partitions)) {
		rd_kafka_message_t *message = rd_kafka_consumer_poll(client, LOOK_MS);

		if (clock_ms() > deadline)
			die(STATUS_UNAVAILABLE, "only %lld of %lld records in time",
				(long long)census.count, (long long)count);
		if (message == NULL)
			continue;
		take(&census, message);
		rd_kafka_message_destroy(message);
	}
	printf("%lld %lld %lld\n", (long long)census.count,
		census.count == 0 ? 0 : (long long)census.first, (long long)census.last);
	free(census.ended);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {OPTIONS_COMMON,
		{"brokers", required_argument, NULL, 'b'}, {"count", required_argument, NULL, 'n'},
		{"time", required_argument, NULL, 'T'}, {"transactions", no_argument, NULL, 't'},
		{0}};
	bool transactions = false;
	int64_t count = 0, seconds = 60, deadline;
	const char *brokers = NULL, *topic;
	rd_kafka_t *client;
	int option, partitions;

	log_init(program.name);
	while ((option = getopt_long(argc, argv, "qvb:n:T:t", options, NULL)) != -1) {
		if (option == 'b')
			brokers = optarg;
		else if (option == 't')
			transactions = true;
		else if (option != 'n' && option != 'T')
			options_common(&program, option);
		else if (!text_integer(
				 optarg, 0, INT64_MAX / 2000, option == 'n' ? &count : &seconds))
			options_misuse(&program, "'%s' is not a number", optarg);
	}
	if (brokers == NULL || argc - optind != 1)
		options_misuse(&program, "brokers and a topic are needed");
	topic = argv[optind];
	client = new_reader(brokers, transactions);
	partitions = client_partitions(client, topic);
	deadline = clock_ms() + seconds * 1000;
	wait_for_offsets(client, topic, partitions, count, deadline);
	if (transactions)
		print_census(client, topic, partitions, count, deadline + READ_MS);
	else
		print_span(client, topic, partitions);
	rd_kafka_consumer_close(client);
	rd_kafka_destroy(client);
	return STATUS_OK;
}
