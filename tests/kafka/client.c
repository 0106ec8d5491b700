#include "client.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "random.h"

enum {
	ANSWER_MS = 15000, /* for one question to the broker */
	SILENCE_MS = 60000 /* without a record or an end of partition while reading */
};

rd_kafka_conf_t *client_conf(const char *brokers)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	client_set(conf, "bootstrap.servers", brokers);
	client_set(conf, "log_level", "3");
	return conf;
}

void client_set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char why[256];

	if (rd_kafka_conf_set(conf, name, value, why, sizeof why) != RD_KAFKA_CONF_OK)
		die(STATUS_USAGE, "%s", why);
}

rd_kafka_t *client_new(rd_kafka_type_t type, rd_kafka_conf_t *conf)
{
	char why[256];
	rd_kafka_t *client = rd_kafka_new(type, conf, why, sizeof why);

	if (client == NULL)
		die(STATUS_SOFTWARE, "librdkafka: %s", why);
	return client;
}

rd_kafka_conf_t *client_producer_conf(const char *brokers)
{
	rd_kafka_conf_t *conf = client_conf(brokers);

	client_set(conf, "acks", "all");
	client_set(conf, "enable.idempotence", "true");
	client_set(conf, "queue.buffering.max.messages", "1000000");
	client_set(conf, "message.max.bytes", "20000000");
	client_set(conf, "socket.nagle.disable", "true");
	return conf;
}

rd_kafka_conf_t *client_consumer_conf(const char *brokers)
{
	rd_kafka_conf_t *conf = client_conf(brokers);

	client_set(conf, "group.id", "bruco-test-tools"); /* wanted, but never joined */
	client_set(conf, "enable.auto.commit", "false");
	client_set(conf, "enable.auto.offset.store", "false");
	client_set(conf, "enable.partition.eof", "true");
	client_set(conf, "fetch.wait.max.ms", "20"); /* or the end of a partition takes 500 ms */
	client_set(conf, "queued.min.messages", "1000000");
	client_set(conf, "queued.max.messages.kbytes", "262144");
	return conf;
}

/* The number of partitions that have a leader, 0 with *error. */
static int find_partitions(rd_kafka_t *client, const char *topic, rd_kafka_resp_err_t *error)
{
	rd_kafka_topic_t *handle = rd_kafka_topic_new(client, topic, NULL);
	const struct rd_kafka_metadata *metadata;
	int count = 0;

	*error = rd_kafka_metadata(client, 0, handle, &metadata, ANSWER_MS);
	if (*error == RD_KAFKA_RESP_ERR_NO_ERROR) {
		*error = metadata->topics[0].err;
		for (int i = 0; i < metadata->topics[0].partition_cnt; i++)
			count += metadata->topics[0].partitions[i].leader >= 0;
		rd_kafka_metadata_destroy(metadata);
	}
	rd_kafka_topic_destroy(handle);
	return count;
}

int client_partitions(rd_kafka_t *client, const char *topic)
{
	rd_kafka_resp_err_t error;
	int count = find_partitions(client, topic, &error);

	if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
		die(STATUS_UNAVAILABLE, "cannot find topic '%s': %s", topic,
			rd_kafka_err2str(error));
	return count;
}

static rd_kafka_resp_err_t find_ends(
	rd_kafka_t *client, const char *topic, int partition, int64_t *low, int64_t *high)
{
	return rd_kafka_query_watermark_offsets(client, topic, partition, low, high, ANSWER_MS);
}

int32_t client_key_partition(const void *key, size_t length, int partitions)
{
	const uint8_t *at = key;
	uint64_t hash = length;

	for (size_t i = 0; i < length; i++)
		hash = random_mix(hash * 257 + at[i]);
	return (int32_t)(hash % (uint64_t)partitions);
}

static bool is_ready(rd_kafka_t *client, const char *topic, int partitions)
{
	rd_kafka_resp_err_t error;
	int64_t low, high;

	if (find_partitions(client, topic, &error) != partitions)
		return false;
	for (int i = 0; i < partitions; i++)
		if (find_ends(client, topic, i, &low, &high) != RD_KAFKA_RESP_ERR_NO_ERROR)
			return false;
	return true;
}

void client_wait_topic(rd_kafka_t *client, const char *topic, int partitions)
{
	int64_t deadline = clock_ms() + ANSWER_MS;

	while (!is_ready(client, topic, partitions)) {
		if (clock_ms() > deadline)
			die(STATUS_UNAVAILABLE, "topic '%s' does not get ready", topic);
		rd_kafka_poll(client, 20);
	}
}

void client_ends(rd_kafka_t *client, const char *topic, int partition, int64_t *low, int64_t *high)
{
	rd_kafka_resp_err_t error = find_ends(client, topic, partition, low, high);

	if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
		die(STATUS_UNAVAILABLE, "cannot find the ends of %s[%d]: %s", topic, partition,
			rd_kafka_err2str(error));
}

/* Takes one message or event; true when it is the end of a partition. */
static bool take(
	const rd_kafka_message_t *message, const int64_t *highs, client_each *each, void *context)
{
	if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
		return message->offset >= highs[message->partition];
	if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
		die(STATUS_UNAVAILABLE, "cannot read: %s", rd_kafka_message_errstr(message));
	if (message->offset < highs[message->partition])
		each(context, message);
	return false;
}

void client_read(const char *brokers, const char *topic, client_each *each, void *context)
{
	rd_kafka_t *client = client_new(RD_KAFKA_CONSUMER, client_consumer_conf(brokers));
	int partitions = client_partitions(client, topic);
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
	int64_t *highs = mem_array((size_t)partitions, sizeof *highs);
	bool *ended = mem_array((size_t)partitions, sizeof *ended);
	int left = partitions;
	int64_t heard = clock_ms();

	for (int i = 0; i < partitions; i++) {
		int64_t low;

		client_ends(client, topic, i, &low, &highs[i]);
		rd_kafka_topic_partition_list_add(list, topic, i)->offset = low;
	}
	rd_kafka_assign(client, list);
	rd_kafka_topic_partition_list_destroy(list);
	while (left > 0) {
		rd_kafka_message_t *message = rd_kafka_consumer_poll(client, 100);

		if (message == NULL) {
			if (clock_ms() - heard > SILENCE_MS)
				die(STATUS_UNAVAILABLE, "nothing from the broker for %d s",
					SILENCE_MS / 1000);
			continue;
		}
		heard = clock_ms();
		if (take(message, highs, each, context) && !ended[message->partition]) {
			ended[message->partition] = true;
			left--;
		}
		rd_kafka_message_destroy(message);
	}
	free(highs);
	free(ended);
	rd_kafka_consumer_close(client);
	rd_kafka_destroy(client);
}
