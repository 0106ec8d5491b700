/*
 * Reading without a consumer group: the client joins nothing, and nothing is committed. All partitions that
 * are there at the start, or those of -p, are assigned once and for as long as the program runs; the rest is
 * as for a group. The client's own consumer group would ask for its coordinator even if it is never joined,
 * which takes a permission; so this is its older interface, a partition at a time.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "bruco-source/kinds/kafka.h"

static const rd_kafka_resp_err_t fine = RD_KAFKA_RESP_ERR_NO_ERROR;

rd_kafka_queue_t *kafka_no_group_open(struct kafka_source *kafka)
{
	rd_kafka_queue_t *queue = rd_kafka_queue_new(kafka->client);
	rd_kafka_queue_t *main = rd_kafka_queue_get_main(kafka->client);

	rd_kafka_queue_forward(main, queue); /* errors, and what else the client says */
	rd_kafka_queue_destroy(main);
	kafka->joined = kafka->looked = true;
	kafka->phase = PHASE_ASSIGNING;
	kafka->assigning = rd_kafka_topic_partition_list_new(8);
	return queue;
}

/* ---- which partitions */

enum { PROBE_MS = 1000 };

/* Nothing else is asked before: a question waits for long while there is nobody to answer it. */
static bool any_broker(struct kafka_source *kafka)
{
	const struct rd_kafka_metadata *metadata;

	if (rd_kafka_metadata(kafka->client, 0, NULL, &metadata, PROBE_MS) != fine)
		return false;
	rd_kafka_metadata_destroy(metadata);
	return true;
}

struct listing {
	rd_kafka_topic_partition_list_t *list;
	bool *found; /* of source.topics: it exists, or matches a topic that does */
};

static void add_partitions(
	struct kafka_source *kafka, const char *name, int32_t partitions, rd_kafka_topic_partition_list_t *list)
{
	const struct partition_numbers *wanted = &kafka->source->config->source.partitions;

	for (size_t i = 0; i < wanted->count; i++) {
		if (wanted->items[i] >= partitions)
			die(STATUS_CONFIG, "topic '%s' has %d partition%s, and so no partition %d", name,
				(int)partitions, PLURAL(partitions), (int)wanted->items[i]);
		rd_kafka_topic_partition_list_add(list, name, wanted->items[i]);
	}
	for (int32_t id = 0; wanted->count == 0 && id < partitions; id++)
		rd_kafka_topic_partition_list_add(list, name, id);
}

/* A topic may stand for several of source.topics, and is read once. */
static void list_topic(struct kafka_source *kafka, const char *name, int32_t partitions, void *argument)
{
	const struct texts *topics = &kafka->source->config->source.topics;
	struct listing *listing = argument;

	for (size_t i = 0; i < topics->count; i++)
		if (config_topic_is(topics->items[i], name))
			listing->found[i] = true;
	add_partitions(kafka, name, partitions, listing->list);
}

static void refuse(struct kafka_source *kafka, const char *name, rd_kafka_resp_err_t error)
{
	if (kafka_error_status(error) != STATUS_OK)
		die(kafka_error_status(error), "cannot read topic '%s': %s (%s)", name, rd_kafka_err2str(error),
			kafka->health.whom);
}

static rd_kafka_resp_err_t list_by_name(struct kafka_source *kafka, struct listing *listing)
{
	const struct texts *topics = &kafka->source->config->source.topics;

	for (size_t i = 0; i < topics->count; i++) {
		int32_t partitions;
		rd_kafka_resp_err_t error;

		if (listing->found[i] || config_is_pattern(topics->items[i]))
			continue;
		error = kafka_count_partitions(kafka, topics->items[i], &partitions);
		refuse(kafka, topics->items[i], error);
		if (error == fine)
			list_topic(kafka, topics->items[i], partitions, listing);
		else if (!kafka_is_missing(error))
			return error;
	}
	return fine;
}

/* Unlike a group's, what is read has no later addition: so it is waited for until all are there. */
static rd_kafka_resp_err_t note_absent(struct kafka_source *kafka, const struct listing *listing)
{
	const struct texts *topics = &kafka->source->config->source.topics;

	for (size_t i = 0; i < topics->count; i++)
		if (!listing->found[i])
			kafka_absent(kafka, topics->items[i]);
		else
			kafka_present(kafka, topics->items[i]);
	return kafka->absent_count > 0 ? RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART : fine;
}

static rd_kafka_resp_err_t list_all(struct kafka_source *kafka, rd_kafka_topic_partition_list_t *list)
{
	struct listing listing = {
		list, mem_array(kafka->source->config->source.topics.count, sizeof(bool))};
	rd_kafka_resp_err_t error = fine;

	if (kafka->has_patterns && !kafka_each_topic(kafka, list_topic, &listing))
		error = RD_KAFKA_RESP_ERR__TRANSPORT;
	if (error == fine)
		error = list_by_name(kafka, &listing);
	if (error == fine)
		error = note_absent(kafka, &listing);
	free(listing.found);
	return error;
}

rd_kafka_resp_err_t kafka_no_group_pin(struct kafka_source *kafka, rd_kafka_topic_partition_list_t *list)
{
	rd_kafka_resp_err_t error;

	if (!any_broker(kafka))
		return RD_KAFKA_RESP_ERR__TRANSPORT;
	while (list->cnt > 0) /* of a try before */
		rd_kafka_topic_partition_list_del_by_idx(list, list->cnt - 1);
	error = list_all(kafka, list);
	for (int i = 0; error == fine && i < list->cnt; i++) {
		error = kafka_resolve(kafka, &list->elems[i]);
		refuse(kafka, list->elems[i].topic, error);
	}
	return error;
}

/* ---- reading them */

static rd_kafka_resp_err_t consume(struct kafka_source *kafka, const rd_kafka_topic_partition_t *entry)
{
	struct kafka_topic *topic = kafka_topic(kafka, entry->topic);

	if (topic->consumed == NULL)
		topic->consumed = rd_kafka_topic_new(kafka->client, entry->topic, NULL);
	return rd_kafka_consume_start_queue(topic->consumed, entry->partition, entry->offset, kafka->queue) == 0
		       ? fine
		       : rd_kafka_last_error();
}

static void give_up(struct kafka_source *kafka)
{
	for (size_t i = 0; i < kafka->topic_count; i++) {
		struct kafka_topic *topic = kafka->topics[i];

		for (int32_t id = 0; topic->consumed != NULL && id < topic->partition_count; id++)
			if (topic->partitions[id] != NULL)
				rd_kafka_consume_stop(topic->consumed, id);
	}
}

rd_kafka_resp_err_t kafka_no_group_assign(
	struct kafka_source *kafka, const rd_kafka_topic_partition_list_t *list)
{
	rd_kafka_resp_err_t error = fine;

	if (list == NULL)
		give_up(kafka);
	for (int i = 0; list != NULL && error == fine && i < list->cnt; i++)
		error = consume(kafka, &list->elems[i]);
	return error;
}
