/* bruco-source -L: what the cluster has, as its brokers say; a table, or JSON. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/printable.h"
#include "base/status.h"
#include "base/text.h"
#include "bruco-source/kinds/kafka.h"
#include "kafka/client.h"
#include "kafka/token.h"
#include "stage/stage.h"

enum {
	ASK_MS = 500,
	WAIT_MS = 5000, /* without maxWait */
	LAST_MS = 2000  /* for what a broker that has answered is asked besides */
};

struct lister {
	struct kafka_health health; /* first: it is the client's opaque */
	struct config *config;
	rd_kafka_t *client;
	const struct rd_kafka_metadata *metadata;
};

/* ---- asking */

static void open_client(struct lister *lister)
{
	struct source_config *source = &lister->config->source;
	rd_kafka_conf_t *conf = kafka_settings(source, NULL, NULL);

	kafka_health_init(&lister->health, &source->security, &source->properties);
	rd_kafka_conf_set_opaque(conf, lister);
	lister->client = kafka_client(RD_KAFKA_CONSUMER, conf);
	tokens_client(tokens_start(&source->security, &lister->health), lister->client);
	config_wipe_client(&source->security, &source->properties);
}

static void give_up(struct lister *lister, int64_t waited)
{
	char what[HEALTH_WAIT_MAX];

	if (!kafka_health_waits(&lister->health, lister->client, what))
		snprintf(what, sizeof what, "no broker has answered");
	if (lister->config->max_wait_ms > 0)
		stage_waited(waited, what);
	die(STATUS_TEMPFAIL, "waited for %" PRId64 "s: %s", waited / 1000, what);
}

/* Of all topics. A broker that is down is waited for, a little; one that refuses ends the program. */
static void ask(struct lister *lister)
{
	int64_t most = lister->config->max_wait_ms > 0 ? lister->config->max_wait_ms : WAIT_MS;
	int64_t deadline = clock_ms() + most;

	while (rd_kafka_metadata(lister->client, 1, NULL, &lister->metadata, ASK_MS) !=
		RD_KAFKA_RESP_ERR_NO_ERROR) {
		rd_kafka_poll(lister->client, 0);
		if (kafka_health_refused(&lister->health, lister->client))
			die(STATUS_REFUSED, "%s", lister->health.refusal);
		if (clock_ms() >= deadline)
			give_up(lister, most);
	}
}

static bool is_wanted(const struct lister *lister, const char *name)
{
	const struct texts *topics = &lister->config->source.topics;

	for (size_t i = 0; i < topics->count; i++)
		if (config_topic_is(topics->items[i], name))
			return true;
	return topics->count == 0;
}

static bool is_listed(const struct lister *lister, const char *topic)
{
	for (int i = 0; i < lister->metadata->topic_cnt; i++)
		if (config_topic_is(topic, lister->metadata->topics[i].topic))
			return true;
	return false;
}

/* Why a topic that was asked for is not among all of them. */
static rd_kafka_resp_err_t why_absent(struct lister *lister, const char *name)
{
	rd_kafka_topic_t *handle = rd_kafka_topic_new(lister->client, name, NULL);
	const struct rd_kafka_metadata *metadata;
	rd_kafka_resp_err_t error = rd_kafka_metadata(lister->client, 0, handle, &metadata, LAST_MS);

	if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
		error = metadata->topic_cnt == 1 ? metadata->topics[0].err : RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
		rd_kafka_metadata_destroy(metadata);
	}
	rd_kafka_topic_destroy(handle);
	return error;
}

/* Returns the exit status that the topics call for which were asked for and are not there. */
static int judge_absent(struct lister *lister)
{
	const struct texts *topics = &lister->config->source.topics;
	int status = STATUS_OK;

	for (size_t i = 0; i < topics->count; i++) {
		const char *topic = topics->items[i];
		rd_kafka_resp_err_t error;

		if (is_listed(lister, topic))
			continue;
		error = config_is_pattern(topic) ? RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC : why_absent(lister, topic);
		if (kafka_error_status(error) == STATUS_REFUSED) {
			log_error("topic '%s': %s (%s)", topic, rd_kafka_err2str(error), lister->health.whom);
			status = STATUS_REFUSED;
		} else {
			log_error(config_is_pattern(topic) ? "no topic matches '%s'" : "topic '%s' does not exist", topic);
			status = status == STATUS_OK ? STATUS_CONFIG : status;
		}
	}
	return status;
}

/* ---- as JSON */

static json_t *numbers(const int32_t *items, int count)
{
	json_t *array = json_array();

	for (int i = 0; i < count; i++)
		json_array_append_new(array, json_integer(items[i]));
	return array;
}

static json_t *number_or_null(int32_t number)
{
	return number >= 0 ? json_integer(number) : json_null();
}

static json_t *error_or_null(rd_kafka_resp_err_t error)
{
	return error == RD_KAFKA_RESP_ERR_NO_ERROR ? json_null() : json_string(rd_kafka_err2str(error));
}

static int by_number(const void *one, const void *other)
{
	const struct rd_kafka_metadata_partition *const *a = one, *const *b = other;

	return (*a)->id < (*b)->id ? -1 : (*a)->id > (*b)->id;
}

static json_t *partitions_of(const struct rd_kafka_metadata_topic *topic)
{
	const struct rd_kafka_metadata_partition **sorted =
		mem_array((size_t)topic->partition_cnt, sizeof(struct rd_kafka_metadata_partition *));
	json_t *array = json_array();

	for (int i = 0; i < topic->partition_cnt; i++)
		sorted[i] = &topic->partitions[i];
	qsort(sorted, (size_t)topic->partition_cnt, sizeof *sorted, by_number);
	for (int i = 0; i < topic->partition_cnt; i++)
		json_array_append_new(array,
			json_pack("{s:i, s:o, s:o, s:o, s:o}", "partition", (int)sorted[i]->id, "leader",
				number_or_null(sorted[i]->leader), "replicas",
				numbers(sorted[i]->replicas, sorted[i]->replica_cnt), "in_sync",
				numbers(sorted[i]->isrs, sorted[i]->isr_cnt), "error",
				error_or_null(sorted[i]->err)));
	free(sorted);
	return array;
}

static int by_name(const void *one, const void *other)
{
	const struct rd_kafka_metadata_topic *const *a = one, *const *b = other;

	return strcmp((*a)->topic, (*b)->topic);
}

static json_t *topics_of(const struct lister *lister)
{
	const struct rd_kafka_metadata *metadata = lister->metadata;
	const struct rd_kafka_metadata_topic **sorted =
		mem_array((size_t)metadata->topic_cnt, sizeof(struct rd_kafka_metadata_topic *));
	json_t *array = json_array();

	for (int i = 0; i < metadata->topic_cnt; i++)
		sorted[i] = &metadata->topics[i];
	qsort(sorted, (size_t)metadata->topic_cnt, sizeof *sorted, by_name);
	for (int i = 0; i < metadata->topic_cnt; i++)
		if (is_wanted(lister, sorted[i]->topic))
			json_array_append_new(array,
				json_pack("{s:s, s:o, s:o}", "topic", sorted[i]->topic, "error",
					error_or_null(sorted[i]->err), "partitions", partitions_of(sorted[i])));
	free(sorted);
	return array;
}

static int by_id(const void *one, const void *other)
{
	const struct rd_kafka_metadata_broker *const *a = one, *const *b = other;

	return (*a)->id < (*b)->id ? -1 : (*a)->id > (*b)->id;
}

static json_t *brokers_of(const struct rd_kafka_metadata *metadata)
{
	const struct rd_kafka_metadata_broker **sorted =
		mem_array((size_t)metadata->broker_cnt, sizeof(struct rd_kafka_metadata_broker *));
	json_t *array = json_array();

	for (int i = 0; i < metadata->broker_cnt; i++)
		sorted[i] = &metadata->brokers[i];
	qsort(sorted, (size_t)metadata->broker_cnt, sizeof *sorted, by_id);
	for (int i = 0; i < metadata->broker_cnt; i++) {
		struct buf address = {0};

		printable_append(PRINTABLE_TEXT, &address, sorted[i]->host, strlen(sorted[i]->host));
		buf_printf(&address, ":%d", sorted[i]->port);
		json_array_append_new(array,
			json_pack("{s:i, s:s#}", "id", (int)sorted[i]->id, "address", (const char *)address.data,
				(int)address.length));
		buf_release(&address);
	}
	free(sorted);
	return array;
}

static json_t *describe(const struct lister *lister)
{
	char *cluster = rd_kafka_clusterid(lister->client, LAST_MS);
	json_t *all = json_pack("{s:s?, s:o, s:o, s:o}", "cluster", cluster, "controller",
		number_or_null(rd_kafka_controllerid(lister->client, LAST_MS)), "brokers",
		brokers_of(lister->metadata), "topics", topics_of(lister));

	if (cluster != NULL)
		rd_kafka_mem_free(lister->client, cluster);
	return all;
}

/* ---- as a table */

static json_int_t whole(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

static const char *text(const json_t *object, const char *name)
{
	const char *value = json_string_value(json_object_get(object, name));

	return value != NULL ? value : "-";
}

static int longest(const json_t *array, const char *name, size_t most)
{
	const json_t *item;
	size_t i;

	json_array_foreach(array, i, item)
	{
		size_t length = strlen(text(item, name));

		most = length > most ? length : most;
	}
	return (int)most;
}

/* "1,2,3"; the caller frees it. */
static char *joined(const json_t *array)
{
	char *all = mem_text(json_array_size(array) == 0 ? "-" : ""), *more;
	const json_t *item;
	size_t i;

	json_array_foreach(array, i, item)
	{
		more = mem_printf("%s%s%" JSON_INTEGER_FORMAT, all, i == 0 ? "" : ",", json_integer_value(item));
		free(all);
		all = more;
	}
	return all;
}

static void print_brokers(const json_t *all)
{
	const json_t *brokers = json_object_get(all, "brokers"), *broker;
	const json_t *controller = json_object_get(all, "controller");
	int width = longest(brokers, "address", 7);
	size_t i;

	printf("\n%6s  %-*s  %s\n", "BROKER", width, "ADDRESS", "ROLE");
	json_array_foreach(brokers, i, broker)
	{
		printf("%6" JSON_INTEGER_FORMAT "  %-*s  %s\n", whole(broker, "id"), width,
			text(broker, "address"),
			json_is_integer(controller) && json_integer_value(controller) == whole(broker, "id")
				? "controller"
				: "-");
	}
}

static void print_partition(int width, const char *topic, const json_t *partition)
{
	char *leader = json_is_integer(json_object_get(partition, "leader"))
			       ? mem_printf("%" JSON_INTEGER_FORMAT, whole(partition, "leader"))
			       : mem_text("-");
	char *replicas = joined(json_object_get(partition, "replicas"));
	char *in_sync = joined(json_object_get(partition, "in_sync"));

	printf("%-*s  %9" JSON_INTEGER_FORMAT "  %6s  %-12s  %-12s  %s\n", width, topic,
		whole(partition, "partition"), leader, replicas, in_sync, text(partition, "error"));
	free(leader);
	free(replicas);
	free(in_sync);
}

static void print_topics(const json_t *topics)
{
	int width = longest(topics, "topic", 5);
	const json_t *topic, *partition;
	size_t i, j;

	if (json_array_size(topics) == 0)
		return;
	printf("\n%-*s  %9s  %6s  %-12s  %-12s  %s\n", width, "TOPIC", "PARTITION", "LEADER", "REPLICAS",
		"IN SYNC", "ERROR");
	json_array_foreach(topics, i, topic)
	{
		const json_t *partitions = json_object_get(topic, "partitions");

		if (json_array_size(partitions) == 0)
			printf("%-*s  %9s  %6s  %-12s  %-12s  %s\n", width, text(topic, "topic"), "-", "-", "-", "-",
				text(topic, "error"));
		json_array_foreach(partitions, j, partition)
		{
			print_partition(width, text(topic, "topic"), partition);
		}
	}
}

static void print_table(const json_t *all)
{
	size_t brokers = json_array_size(json_object_get(all, "brokers"));
	size_t topics = json_array_size(json_object_get(all, "topics"));

	printf("cluster %s: %zu broker%s, %zu topic%s\n", text(all, "cluster"), brokers, PLURAL(brokers), topics,
		PLURAL(topics));
	print_brokers(all);
	print_topics(json_object_get(all, "topics"));
}

int kafka_list(struct config *config, bool as_json)
{
	struct lister lister = {.config = config};
	json_t *all;
	int status;

	open_client(&lister);
	ask(&lister);
	status = judge_absent(&lister);
	all = describe(&lister);
	if (as_json) {
		json_dumpf(all, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER | JSON_ENSURE_ASCII);
		printf("\n");
	} else {
		print_table(all);
	}
	json_decref(all);
	if (fflush(stdout) != 0)
		die(STATUS_TEMPFAIL, "cannot write the list");
	return status;
}
