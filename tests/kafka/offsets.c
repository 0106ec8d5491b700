/*
 * kafka-offsets: makes topics, and shows where topics end and what groups have committed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/options.h"
#include "base/status.h"
#include "base/text.h"
#include "client.h"

enum { ANSWER_MS = 15000 };

static const char usage[] =
	"usage: kafka-offsets -b brokers command ...\n"
	"  ping                              status 0 when a broker answers within 2 s\n"
	"  create TOPIC [PARTITIONS [CONFIG=VALUE ...]]\n"
	"  grow TOPIC PARTITIONS             raise the number of partitions\n"
	"  delete TOPIC\n"
	"  ends TOPIC                        a line a partition: partition low high, of what is committed\n"
	"  open TOPIC                        a line for each partition in which a transaction is open:\n"
	"                                    partition, last stable offset, high\n"
	"  leaders TOPIC                     a line a partition: partition, the leader's number or -1\n"
	"  group GROUP TOPIC                 a line a partition: partition committed high lag,\n"
	"                                    committed and lag are - where nothing is\n"
	"  metadata GROUP TOPIC              a line a partition: partition, the commit's metadata\n"
	"  commit GROUP TOPIC PARTITION OFFSET   as a client that knows nothing of metadata\n"
	"  members GROUP                     a line a member: its id, which begins with its\n"
	"                                    group.instance.id or else its client.id\n"
	"  count TOPIC                       the number of records, by reading them\n"
	"  -b, --brokers BROKERS\n"
	"      --help\n"
	"      --version\n";

static const struct program program = {"kafka-offsets", usage, NULL};

static int number(const char *text)
{
	int64_t value;

	if (!text_integer(text, 1, 100000, &value))
		options_misuse(&program, "'%s' is not a number of partitions", text);
	return (int)value;
}

/* Waits for the one answer to an admin request; the error of its first result, or its own. */
static void answer(rd_kafka_queue_t *queue, const char *what, const char *topic)
{
	rd_kafka_event_t *event = rd_kafka_queue_poll(queue, ANSWER_MS);
	const rd_kafka_topic_result_t **results = NULL;
	const char *error = NULL;
	size_t count = 0;

	if (event == NULL)
		die(STATUS_UNAVAILABLE, "cannot %s topic '%s': no answer", what, topic);
	if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR)
		error = rd_kafka_event_error_string(event);
	else if (rd_kafka_event_CreateTopics_result(event) != NULL)
		results = rd_kafka_CreateTopics_result_topics(event, &count);
	else if (rd_kafka_event_DeleteTopics_result(event) != NULL)
		results = rd_kafka_DeleteTopics_result_topics(event, &count);
	else if (rd_kafka_event_CreatePartitions_result(event) != NULL)
		results = rd_kafka_CreatePartitions_result_topics(event, &count);
	if (count > 0 && rd_kafka_topic_result_error(results[0]) != RD_KAFKA_RESP_ERR_NO_ERROR) {
		error = rd_kafka_topic_result_error_string(results[0]);
		if (error == NULL)
			error = rd_kafka_err2str(rd_kafka_topic_result_error(results[0]));
	}
	if (error != NULL)
		die(STATUS_UNAVAILABLE, "cannot %s topic '%s': %s", what, topic, error);
	rd_kafka_event_destroy(event);
}

static void create(rd_kafka_t *client, rd_kafka_queue_t *queue, char **words, int count)
{
	int partitions = count > 1 ? number(words[1]) : 1;
	char why[256];
	rd_kafka_NewTopic_t *topic = /* replicated as the broker is configured to */
		rd_kafka_NewTopic_new(words[0], partitions, -1, why, sizeof why);

	if (topic == NULL)
		die(STATUS_USAGE, "%s", why);
	for (int i = 2; i < count; i++) {
		char *equals = strchr(words[i], '=');

		if (equals == NULL)
			options_misuse(&program, "'%s' is not config=value", words[i]);
		*equals = '\0';
		rd_kafka_NewTopic_set_config(topic, words[i], equals + 1);
	}
	rd_kafka_CreateTopics(client, &topic, 1, NULL, queue);
	answer(queue, "create", words[0]);
	rd_kafka_NewTopic_destroy(topic);
	client_wait_topic(client, words[0], partitions);
}

static void grow(rd_kafka_t *client, rd_kafka_queue_t *queue, char **words)
{
	char why[256];
	rd_kafka_NewPartitions_t *more =
		rd_kafka_NewPartitions_new(words[0], (size_t)number(words[1]), why, sizeof why);

	if (more == NULL)
		die(STATUS_USAGE, "%s", why);
	rd_kafka_CreatePartitions(client, &more, 1, NULL, queue);
	answer(queue, "grow", words[0]);
	client_wait_topic(client, words[0], number(words[1]));
	rd_kafka_NewPartitions_destroy(more);
}

static void delete_topic(rd_kafka_t *client, rd_kafka_queue_t *queue, char **words)
{
	rd_kafka_DeleteTopic_t *topic = rd_kafka_DeleteTopic_new(words[0]);

	rd_kafka_DeleteTopics(client, &topic, 1, NULL, queue);
	answer(queue, "delete", words[0]);
	rd_kafka_DeleteTopic_destroy(topic);
}

static void ends(rd_kafka_t *client, const char *topic)
{
	int partitions = client_partitions(client, topic);

	for (int i = 0; i < partitions; i++) {
		int64_t low, high;

		client_ends(client, topic, i, &low, &high);
		printf("%d %lld %lld\n", i, (long long)low, (long long)high);
	}
}

/* A partition has none while it moves: -1. */
static void leaders(rd_kafka_t *client, const char *topic)
{
	rd_kafka_topic_t *handle = rd_kafka_topic_new(client, topic, NULL);
	const struct rd_kafka_metadata *metadata;
	rd_kafka_resp_err_t error = rd_kafka_metadata(client, 0, handle, &metadata, ANSWER_MS);

	if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
		die(STATUS_UNAVAILABLE, "cannot find topic '%s': %s", topic, rd_kafka_err2str(error));
	for (int i = 0; i < metadata->topics[0].partition_cnt; i++)
		printf("%d %d\n", (int)metadata->topics[0].partitions[i].id,
			(int)metadata->topics[0].partitions[i].leader);
	rd_kafka_metadata_destroy(metadata);
	rd_kafka_topic_destroy(handle);
}

/* The client reads committed records, so that its ends are the last stable offsets. */
static void open_transactions(const char *brokers, rd_kafka_t *client, const char *topic)
{
	rd_kafka_conf_t *conf = client_conf(brokers);
	int partitions = client_partitions(client, topic);
	rd_kafka_t *uncommitted;

	client_set(conf, "isolation.level", "read_uncommitted");
	uncommitted = client_new(RD_KAFKA_CONSUMER, conf);
	for (int i = 0; i < partitions; i++) {
		int64_t low, stable, high;

		client_ends(client, topic, i, &low, &stable);
		client_ends(uncommitted, topic, i, &low, &high);
		if (stable != high)
			printf("%d %lld %lld\n", i, (long long)stable, (long long)high);
	}
	rd_kafka_destroy(uncommitted);
}

static void group(const char *brokers, const char *name, const char *topic, bool metadata)
{
	rd_kafka_conf_t *conf = client_conf(brokers);
	rd_kafka_topic_partition_list_t *list;
	rd_kafka_resp_err_t error;
	rd_kafka_t *client;
	int partitions;

	client_set(conf, "group.id", name);
	client = client_new(RD_KAFKA_CONSUMER, conf);
	partitions = client_partitions(client, topic);
	list = rd_kafka_topic_partition_list_new(partitions);
	for (int i = 0; i < partitions; i++)
		rd_kafka_topic_partition_list_add(list, topic, i);
	error = rd_kafka_committed(client, list, ANSWER_MS);
	if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
		die(STATUS_UNAVAILABLE, "cannot read the offsets of group '%s': %s", name,
			rd_kafka_err2str(error));
	for (int i = 0; i < partitions; i++) {
		int64_t low, high, committed = list->elems[i].offset;

		client_ends(client, topic, i, &low, &high);
		if (metadata)
			printf("%d %.*s\n", i, (int)list->elems[i].metadata_size,
				(const char *)list->elems[i].metadata);
		else if (committed < 0)
			printf("%d - %lld -\n", i, (long long)high);
		else
			printf("%d %lld %lld %lld\n", i, (long long)committed, (long long)high,
				(long long)(high - committed));
	}
	rd_kafka_topic_partition_list_destroy(list);
	rd_kafka_destroy(client);
}

static void commit(const char *brokers, char **words)
{
	rd_kafka_conf_t *conf = client_conf(brokers);
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	int64_t partition, offset;
	rd_kafka_resp_err_t error;
	rd_kafka_t *client;

	if (!text_integer(words[2], 0, INT32_MAX, &partition) ||
		!text_integer(words[3], 0, INT64_MAX, &offset))
		options_misuse(&program, "'%s %s' is no partition and offset", words[2], words[3]);
	client_set(conf, "group.id", words[0]);
	client = client_new(RD_KAFKA_CONSUMER, conf);
	rd_kafka_topic_partition_list_add(list, words[1], (int32_t)partition)->offset = offset;
	error = rd_kafka_commit(client, list, 0);
	if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
		die(STATUS_UNAVAILABLE, "cannot commit for group '%s': %s", words[0],
			rd_kafka_err2str(error));
	rd_kafka_topic_partition_list_destroy(list);
	rd_kafka_destroy(client);
}

static void members(rd_kafka_t *client, const char *name)
{
	const struct rd_kafka_group_list *groups;
	rd_kafka_resp_err_t error = rd_kafka_list_groups(client, name, &groups, ANSWER_MS);

	if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
		die(STATUS_UNAVAILABLE, "cannot ask for the members of group '%s': %s", name,
			rd_kafka_err2str(error));
	for (int i = 0; i < groups->group_cnt; i++)
		for (int j = 0; j < groups->groups[i].member_cnt; j++)
			printf("%s\n", groups->groups[i].members[j].member_id);
	rd_kafka_group_list_destroy(groups);
}

static void ping(rd_kafka_t *client)
{
	const struct rd_kafka_metadata *metadata;
	rd_kafka_resp_err_t error = rd_kafka_metadata(client, 0, NULL, &metadata, 2000);

	if (error == RD_KAFKA_RESP_ERR_NO_ERROR && metadata->broker_cnt == 0)
		error = RD_KAFKA_RESP_ERR__TRANSPORT;
	if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
		die(STATUS_UNAVAILABLE, "no answer: %s", rd_kafka_err2str(error));
	rd_kafka_metadata_destroy(metadata);
}

static void count_one(void *context, const rd_kafka_message_t *message)
{
	long long *count = context;

	(void)message;
	(*count)++;
}

static bool is(const char *command, int words, const char *name, int least, int most)
{
	if (strcmp(command, name) != 0)
		return false;
	if (words < least || words > most)
		options_misuse(&program, "wrong number of arguments for '%s'", name);
	return true;
}

static void run(const char *brokers, const char *command, char **words, int count)
{
	rd_kafka_t *client = client_new(RD_KAFKA_PRODUCER, client_conf(brokers));
	rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
	long long records = 0;

	if (is(command, count, "ping", 0, 0)) {
		ping(client);
	} else if (is(command, count, "create", 1, 100)) {
		create(client, queue, words, count);
	} else if (is(command, count, "grow", 2, 2)) {
		grow(client, queue, words);
	} else if (is(command, count, "delete", 1, 1)) {
		delete_topic(client, queue, words);
	} else if (is(command, count, "ends", 1, 1)) {
		ends(client, words[0]);
	} else if (is(command, count, "leaders", 1, 1)) {
		leaders(client, words[0]);
	} else if (is(command, count, "open", 1, 1)) {
		open_transactions(brokers, client, words[0]);
	} else if (is(command, count, "group", 2, 2)) {
		group(brokers, words[0], words[1], false);
	} else if (is(command, count, "metadata", 2, 2)) {
		group(brokers, words[0], words[1], true);
	} else if (is(command, count, "commit", 4, 4)) {
		commit(brokers, words);
	} else if (is(command, count, "members", 1, 1)) {
		members(client, words[0]);
	} else if (is(command, count, "count", 1, 1)) {
		client_read(brokers, words[0], count_one, &records);
		printf("%lld\n", records);
	} else {
		options_misuse(&program, "unknown command '%s'", command);
	}
	rd_kafka_queue_destroy(queue);
	rd_kafka_destroy(client);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		OPTIONS_COMMON, {"brokers", required_argument, NULL, 'b'}, {0}};
	const char *brokers = NULL;
	int option;

	log_init(program.name);
	while ((option = getopt_long(argc, argv, "+qvb:", options, NULL)) != -1) {
		if (option == 'b')
			brokers = optarg;
		else
			options_common(&program, option);
	}
	if (brokers == NULL)
		options_misuse(&program, "no brokers (-b)");
	if (optind == argc)
		options_misuse(&program, "no command");
	run(brokers, argv[optind], argv + optind + 1, argc - optind - 1);
	return fflush(stdout) == 0 ? STATUS_OK : STATUS_UNAVAILABLE;
}
