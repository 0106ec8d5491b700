/*
 * kafka-mock: librdkafka's mock cluster of three brokers, which does on command what real ones do
 * rarely. Prints its address, then answers each line of standard input with "ok"; ends with it.
 *
 *   topic NAME PARTITIONS
 *   error API CODE [CODE ...]      the next requests with this key of Kafka's protocol get these
 *   leader TOPIC PARTITION BROKER  of a partition, from now on
 *   coordinator GROUP BROKER
 *   down BROKER                    its connections are closed, and new ones are refused
 *   up BROKER
 *   delay BROKER MILLISECONDS      of each answer
 */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/options.h"
#include "base/status.h"
#include "base/text.h"
#include "client.h"

enum { BROKERS = 3, WORDS_MAX = 64 };

static const char usage[] = "usage: kafka-mock\n"
			    "      --help\n"
			    "      --version\n";

static const struct program program = {"kafka-mock", usage, NULL};

static int number(const char *text)
{
	int64_t value;

	if (!text_integer(text, -1, 1000000, &value))
		options_misuse(&program, "'%s' is not a number", text);
	return (int)value;
}

static void push_errors(rd_kafka_mock_cluster_t *cluster, char **words, size_t count)
{
	rd_kafka_resp_err_t errors[WORDS_MAX];

	for (size_t i = 2; i < count; i++)
		errors[i - 2] = (rd_kafka_resp_err_t)number(words[i]);
	rd_kafka_mock_push_request_errors_array(
		cluster, (int16_t)number(words[1]), count - 2, errors);
}

static bool is(char **words, size_t count, const char *name, size_t arguments)
{
	return strcmp(words[0], name) == 0 && count == arguments + 1;
}

static rd_kafka_resp_err_t obey(rd_kafka_mock_cluster_t *cluster, char **words, size_t count)
{
	if (is(words, count, "topic", 2))
		return rd_kafka_mock_topic_create(cluster, words[1], number(words[2]), BROKERS);
	if (is(words, count, "leader", 3))
		return rd_kafka_mock_partition_set_leader(
			cluster, words[1], number(words[2]), number(words[3]));
	if (is(words, count, "coordinator", 2))
		return rd_kafka_mock_coordinator_set(cluster, "group", words[1], number(words[2]));
	if (is(words, count, "down", 1))
		return rd_kafka_mock_broker_set_down(cluster, number(words[1]));
	if (is(words, count, "up", 1))
		return rd_kafka_mock_broker_set_up(cluster, number(words[1]));
	if (is(words, count, "delay", 2))
		return rd_kafka_mock_broker_set_rtt(cluster, number(words[1]), number(words[2]));
	if (strcmp(words[0], "error") == 0 && count > 2) {
		push_errors(cluster, words, count);
		return RD_KAFKA_RESP_ERR_NO_ERROR;
	}
	options_misuse(&program, "what is '%s'?", words[0]);
}

static void answer(rd_kafka_mock_cluster_t *cluster, char *line)
{
	char *words[WORDS_MAX], *rest = NULL;
	rd_kafka_resp_err_t error;
	size_t count = 0;

	for (char *word = strtok_r(line, " \n", &rest); word != NULL && count < WORDS_MAX;
		word = strtok_r(NULL, " \n", &rest))
		words[count++] = word;
	if (count == 0)
		return;
	error = obey(cluster, words, count);
	if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
		die(STATUS_SOFTWARE, "%s: %s", words[0], rd_kafka_err2str(error));
	puts("ok");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {OPTIONS_COMMON, {0}};
	rd_kafka_mock_cluster_t *cluster;
	char *line = NULL;
	size_t room = 0;
	int option;

	log_init(program.name);
	while ((option = getopt_long(argc, argv, "qv", options, NULL)) != -1)
		options_common(&program, option);
	cluster = rd_kafka_mock_cluster_new(
		client_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new()), BROKERS);
	if (cluster == NULL)
		die(STATUS_SOFTWARE, "cannot make the mock cluster");
	puts(rd_kafka_mock_cluster_bootstraps(cluster));
	fflush(stdout);
	while (getline(&line, &room, stdin) > 0)
		answer(cluster, line);
	_Exit(STATUS_OK); /* taking the cluster down in good order takes a second */
}
