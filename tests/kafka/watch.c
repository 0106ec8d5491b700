/*
 * kafka-watch: looks at a group and at the topics it reads and fills, again and again, until its
 * standard input closes. Each look is a line of the form that samples.h describes. A broker that is
 * away costs lines, nothing else.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/options.h"
#include "base/status.h"
#include "base/text.h"
#include "client.h"

enum { ANSWER_MS = 1000 };

static const char usage[] =
	"usage: kafka-watch -b brokers -g group [-i milliseconds] input output [dead-letter]\n"
	"  -b, --brokers BROKERS\n"
	"  -g, --group GROUP\n"
	"  -i, --interval MS      between two looks (default: 20)\n"
	"      --help\n"
	"      --version\n";

static const struct program program = {"kafka-watch", usage, NULL};

struct topic {
	const char *name; /* NULL: none */
	int partitions;
	int64_t *ends;
};

struct watch {
	rd_kafka_t *client; /* asks */
	rd_kafka_t *reader; /* fetches; on the same connection questions would wait for it */
	struct topic input, output, dead;
	int64_t *committed;
	long long *seen; /* by input partition */
};

static void find_topic(struct watch *watch, struct topic *topic, const char *name)
{
	if (name == NULL)
		return;
	topic->name = name;
	topic->partitions = client_partitions(watch->client, name);
	topic->ends = mem_array((size_t)topic->partitions, sizeof *topic->ends);
}

static bool ask_committed(struct watch *watch)
{
	rd_kafka_topic_partition_list_t *list =
		rd_kafka_topic_partition_list_new(watch->input.partitions);
	bool good;

	for (int i = 0; i < watch->input.partitions; i++)
		rd_kafka_topic_partition_list_add(list, watch->input.name, i);
	good = rd_kafka_committed(watch->client, list, ANSWER_MS) == RD_KAFKA_RESP_ERR_NO_ERROR;
	for (int i = 0; i < list->cnt; i++) {
		good = good && list->elems[i].err == RD_KAFKA_RESP_ERR_NO_ERROR;
		watch->committed[i] = list->elems[i].offset < 0 ? -1 : list->elems[i].offset;
	}
	rd_kafka_topic_partition_list_destroy(list);
	return good;
}

static bool ask_ends(struct watch *watch, struct topic *topic)
{
	int64_t low;

	for (int i = 0; i < topic->partitions; i++)
		if (rd_kafka_query_watermark_offsets(watch->client, topic->name, i, &low,
			    &topic->ends[i], ANSWER_MS) != RD_KAFKA_RESP_ERR_NO_ERROR)
			return false;
	return true;
}

static void begin_reading(struct watch *watch)
{
	rd_kafka_topic_partition_list_t *list =
		rd_kafka_topic_partition_list_new(watch->output.partitions);

	for (int i = 0; i < watch->output.partitions; i++)
		rd_kafka_topic_partition_list_add(list, watch->output.name, i)->offset = 0;
	rd_kafka_assign(watch->reader, list);
	rd_kafka_topic_partition_list_destroy(list);
}

static void read_until(struct watch *watch, int64_t until_ms)
{
	for (;;) {
		int64_t left = until_ms - clock_ms();
		rd_kafka_message_t *message =
			rd_kafka_consumer_poll(watch->reader, left > 0 ? (int)left : 0);

		if (message == NULL && left <= 0)
			return;
		if (message == NULL)
			continue;
		if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR && message->key != NULL)
			watch->seen[client_key_partition(
				message->key, message->key_len, watch->input.partitions)]++;
		rd_kafka_message_destroy(message);
	}
}

static void print_list(const char *word, const int64_t *numbers, int count)
{
	printf(" %s", word);
	for (int i = 0; i < count; i++)
		printf(" %lld", (long long)numbers[i]);
}

static void print_sample(const struct watch *watch)
{
	printf("%lld", (long long)clock_ms());
	print_list("committed", watch->committed, watch->input.partitions);
	print_list("ends", watch->output.ends, watch->output.partitions);
	print_list("dead", watch->dead.ends, watch->dead.partitions);
	printf(" seen");
	for (int i = 0; i < watch->input.partitions; i++)
		printf(" %lld", watch->seen[i]);
	putchar('\n');
	fflush(stdout);
}

static bool input_closed(void)
{
	struct pollfd fd = {.fd = STDIN_FILENO, .events = POLLIN};

	return poll(&fd, 1, 0) > 0;
}

static rd_kafka_t *new_client(const char *brokers, const char *group)
{
	rd_kafka_conf_t *conf = client_consumer_conf(brokers);
	rd_kafka_t *client;

	client_set(conf, "group.id", group);
	client_set(conf, "reconnect.backoff.max.ms", "500");
	client = client_new(RD_KAFKA_CONSUMER, conf);
	rd_kafka_poll_set_consumer(client);
	return client;
}

static void run(const char *brokers, const char *group, int64_t interval, char **topics)
{
	struct watch watch = {
		.client = new_client(brokers, group), .reader = new_client(brokers, group)};

	find_topic(&watch, &watch.input, topics[0]);
	find_topic(&watch, &watch.output, topics[1]);
	find_topic(&watch, &watch.dead, topics[2]);
	watch.committed = mem_array((size_t)watch.input.partitions, sizeof *watch.committed);
	watch.seen = mem_array((size_t)watch.input.partitions, sizeof *watch.seen);
	begin_reading(&watch);
	while (!input_closed()) {
		int64_t next = clock_ms() + interval;

		if (ask_committed(&watch) && ask_ends(&watch, &watch.output) &&
			ask_ends(&watch, &watch.dead))
			print_sample(&watch);
		read_until(&watch, next);
	}
	rd_kafka_consumer_close(watch.reader);
	rd_kafka_destroy(watch.reader);
	rd_kafka_destroy(watch.client);
	free(watch.input.ends);
	free(watch.output.ends);
	free(watch.dead.ends);
	free(watch.committed);
	free(watch.seen);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {OPTIONS_COMMON,
		{"brokers", required_argument, NULL, 'b'}, {"group", required_argument, NULL, 'g'},
		{"interval", required_argument, NULL, 'i'}, {0}};
	const char *brokers = NULL, *group = NULL;
	int64_t interval = 20;
	int option;

	log_init(program.name);
	while ((option = getopt_long(argc, argv, "qvb:g:i:", options, NULL)) != -1) {
		if (option == 'b')
			brokers = optarg;
		else if (option == 'g')
			group = optarg;
		else if (option != 'i')
			options_common(&program, option);
		else if (!text_integer(optarg, 1, 60000, &interval))
			options_misuse(&program, "'%s' is not an interval", optarg);
	}
	if (brokers == NULL || group == NULL || argc - optind < 2 || argc - optind > 3)
		options_misuse(&program, "brokers, a group, an input and an output are needed");
	run(brokers, group, interval, argv + optind); /* argv ends with NULL */
	return STATUS_OK;
}
