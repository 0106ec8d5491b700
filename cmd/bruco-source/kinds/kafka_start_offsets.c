#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "bruco-source/kinds/kafka.h"
#include "kafka/client.h"

enum {
	REQUEST_MS = 5000,
	GONE_AFTER = 4 /* tries; until then a broker may not have heard of a new topic yet */
};

static const rd_kafka_resp_err_t fine = RD_KAFKA_RESP_ERR_NO_ERROR;

static rd_kafka_resp_err_t watermarks(
	struct kafka_source *kafka, const rd_kafka_topic_partition_t *entry, int64_t *low, int64_t *high)
{
	return rd_kafka_query_watermark_offsets(
		kafka->client, entry->topic, entry->partition, low, high, REQUEST_MS);
}

rd_kafka_resp_err_t kafka_count_partitions(struct kafka_source *kafka, const char *topic, int32_t *count)
{
	rd_kafka_topic_t *handle = rd_kafka_topic_new(kafka->client, topic, NULL);
	const struct rd_kafka_metadata *metadata;
	rd_kafka_resp_err_t error = rd_kafka_metadata(
		kafka->client, 0, handle, &metadata, REQUEST_MS);

	*count = 0;
	if (error == fine) {
		if (metadata->topic_cnt == 1) {
			error = metadata->topics[0].err;
			*count = metadata->topics[0].partition_cnt;
		}
		rd_kafka_metadata_destroy(metadata);
	}
	rd_kafka_topic_destroy(handle);
	return error;
}

/* ---- what the group knows of its topics */

/* The topic's commits, if there were any, are gone with it. A later topic of that name is new. */
void kafka_topic_missing(struct kafka_source *kafka, const char *name)
{
	struct kafka_topic *topic = kafka_topic(kafka, name);

	topic->initial_partitions = 0;
	kafka_mark_begun(kafka, topic);
}

bool kafka_is_missing(rd_kafka_resp_err_t error)
{
	return error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
	       error == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
	       error == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
}

/* Learns from one commit of the group. Instances may have begun at the same time; the smallest number
 * of partitions is the oldest. */
static void learn_commit(struct kafka_source *kafka, const rd_kafka_topic_partition_t *entry)
{
	struct kafka_topic *topic = kafka_topic(kafka, entry->topic);
	int32_t initial = kafka_metadata_initial_partitions(entry);

	kafka_metadata_read_topics(kafka, entry);
	if (initial < 0) {
		topic->foreign = topic->foreign || topic->initial_partitions < 0;
		return;
	}
	if (topic->initial_partitions < 0 || initial < topic->initial_partitions)
		topic->initial_partitions = initial;
	topic->foreign = false;
	kafka_mark_begun(kafka, topic);
}

static rd_kafka_resp_err_t learn_commits(
	struct kafka_source *kafka, rd_kafka_topic_partition_list_t *list)
{
	rd_kafka_resp_err_t error = rd_kafka_committed(kafka->client, list, REQUEST_MS);

	for (int i = 0; error == fine && i < list->cnt; i++) {
		error = list->elems[i].err;
		if (error == fine && list->elems[i].offset >= 0)
			learn_commit(kafka, &list->elems[i]);
	}
	return error;
}

/* What learn() asks the brokers: each topic's partitions once, whether it stands in a table here or only
 * matches a pattern. */
struct learning {
	rd_kafka_topic_partition_list_t *list;
	int32_t *counts; /* of the topics that stood in the table when it began; -1: not known */
	size_t known;    /* so many */
};

static void learn_topic(struct kafka_source *kafka, const char *name, int32_t partitions, void *argument)
{
	struct learning *learning = argument;

	for (size_t i = 0; i < learning->known; i++)
		if (strcmp(kafka->topics[i]->name, name) == 0)
			learning->counts[i] = partitions;
	for (int32_t id = 0; id < partitions; id++)
		rd_kafka_topic_partition_list_add(learning->list, name, id);
}

/* Those that the answer about all topics did not have, or all where nobody asked for it. */
static rd_kafka_resp_err_t learn_by_name(struct kafka_source *kafka, struct learning *learning)
{
	rd_kafka_resp_err_t error = fine;

	for (size_t i = 0; error == fine && i < learning->known; i++) {
		const char *name = kafka->topics[i]->name;
		int32_t count;

		if (config_is_pattern(name) || learning->counts[i] >= 0)
			continue;
		error = kafka_count_partitions(kafka, name, &count);
		if (error == fine)
			learn_topic(kafka, name, count, learning);
		if (kafka_is_missing(error)) {
			kafka_topic_missing(kafka, name);
			error = fine;
		}
	}
	return error;
}

/*
 * How many partitions each topic had when the group began with it, from all that the group has
 * committed. In a topic of which nothing is committed by us all partitions are new if the group has
 * begun before with it, or with a pattern that it matches, else they are as many as there are now:
 * those that the user's `offset` is for. So it is where another client has begun: what its commits leave open is the user's to say.
 */
static rd_kafka_resp_err_t learn(struct kafka_source *kafka)
{
	struct learning learning = {.list = rd_kafka_topic_partition_list_new(8),
		.counts = mem_array(kafka->topic_count, sizeof(int32_t)),
		.known = kafka->topic_count};
	rd_kafka_resp_err_t error = fine;

	for (size_t i = 0; i < learning.known; i++)
		learning.counts[i] = -1;
	if (kafka->has_patterns && !kafka_each_topic(kafka, learn_topic, &learning))
		error = RD_KAFKA_RESP_ERR__TRANSPORT;
	if (error == fine)
		error = learn_by_name(kafka, &learning);
	if (error == fine && learning.list->cnt > 0)
		error = learn_commits(kafka, learning.list);
	/* The commits may have put more topics into the table: these have told theirs, or are not needed yet. */
	for (size_t i = 0; error == fine && i < learning.known; i++) {
		struct kafka_topic *topic = kafka->topics[i];

		if (topic->initial_partitions < 0)
			topic->initial_partitions =
				topic->begun || kafka_pattern_begun(kafka, topic->name) || learning.counts[i] < 0
					? 0
					: learning.counts[i];
	}
	rd_kafka_topic_partition_list_destroy(learning.list);
	free(learning.counts);
	return error;
}

/* ---- where a partition starts */

static rd_kafka_resp_err_t by_time(
	struct kafka_source *kafka, rd_kafka_topic_partition_t *entry, int64_t time, int64_t high)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_resp_err_t error;

	rd_kafka_topic_partition_list_add(list, entry->topic, entry->partition)->offset = time;
	error = rd_kafka_offsets_for_times(kafka->client, list, REQUEST_MS);
	if (error == fine)
		error = list->elems[0].err;
	if (error == fine)
		entry->offset = list->elems[0].offset >= 0 ? list->elems[0].offset : high;
	rd_kafka_topic_partition_list_destroy(list);
	return error;
}

/* An offset where there is none any more, or none yet, is worth a line: it is not what was asked for. */
static int64_t within(const rd_kafka_topic_partition_t *entry, int64_t wanted, int64_t low, int64_t high)
{
	int64_t offset = wanted < low ? low : wanted > high ? high : wanted;

	if (offset != wanted)
		log_info("%s[%d] has no offset %lld: from its %s, %lld", entry->topic, (int)entry->partition,
			(long long)wanted, offset == low ? "beginning" : "end", (long long)offset);
	return offset;
}

static rd_kafka_resp_err_t by_settings(
	struct kafka_source *kafka, rd_kafka_topic_partition_t *entry, int64_t low, int64_t high)
{
	const struct start_offset *start = &kafka->source->config->source.offset;

	switch (start->kind) {
	case OFFSET_EARLIEST:
		entry->offset = low;
		break;
	case OFFSET_LATEST:
		entry->offset = high;
		break;
	case OFFSET_NUMBER:
		entry->offset = within(entry, start->value, low, high);
		break;
	case OFFSET_BEFORE_END:
		entry->offset = start->value < high - low ? high - start->value : low;
		break;
	case OFFSET_TIME:
		return by_time(kafka, entry, start->value, high);
	}
	return fine;
}

rd_kafka_resp_err_t kafka_resolve(struct kafka_source *kafka, rd_kafka_topic_partition_t *entry)
{
	int64_t low, high;
	rd_kafka_resp_err_t error = watermarks(kafka, entry, &low, &high);

	return error == fine ? by_settings(kafka, entry, low, high) : error;
}

/* The same, but of a partition that the group did not begin with. */
static rd_kafka_resp_err_t resolve(
	struct kafka_source *kafka, rd_kafka_topic_partition_t *entry, const struct kafka_topic *topic)
{
	int64_t low, high;
	rd_kafka_resp_err_t error;

	if (entry->partition < topic->initial_partitions)
		return kafka_resolve(kafka, entry);
	error = watermarks(kafka, entry, &low, &high);
	if (error != fine)
		return error;
	entry->offset = low;
	log_info("%s[%d] is new to the group, from its beginning", entry->topic, (int)entry->partition);
	return fine;
}

/* All topics of the list are known then, those that only match a pattern too. */
static bool needs_learning(struct kafka_source *kafka, const rd_kafka_topic_partition_list_t *list)
{
	bool needed = false;

	for (int i = 0; i < list->cnt; i++)
		needed = kafka_topic(kafka, list->elems[i].topic)->initial_partitions < 0 || needed;
	return needed;
}

/* Someone who goes on with another client's group is told where what that has left open starts. */
static void tell_foreign(const struct kafka_source *kafka, const struct buf *starts)
{
	if (starts->length > 0)
		log_info("group '%s' was begun by another client, without a commit in some "
			 "partitions, which start by source.offset: %.*s",
			kafka->source->config->source.consumer_group, (int)starts->length,
			(const char *)starts->data);
}

static void on_pinned(rd_kafka_t *client, rd_kafka_resp_err_t error,
	rd_kafka_topic_partition_list_t *list, void *result)
{
	(void)client;
	for (int i = 0; error == fine && list != NULL && i < list->cnt; i++)
		error = list->elems[i].err;
	*(rd_kafka_resp_err_t *)result = error;
}

/* Waits for the answer; rd_kafka_commit would not tell that some partitions alone were refused. The
 * metadata goes into `list` as well, which is then as if it had been read from the group. */
static rd_kafka_resp_err_t commit_pins(struct kafka_source *kafka, rd_kafka_topic_partition_list_t *list,
	rd_kafka_topic_partition_list_t *pins)
{
	rd_kafka_queue_t *queue = rd_kafka_queue_new(kafka->client);
	rd_kafka_resp_err_t result = RD_KAFKA_RESP_ERR__TIMED_OUT;
	rd_kafka_resp_err_t error;

	if (!kafka->starts_committed)
		kafka->closed_before = kafka->closed;
	kafka->starts_committed = true;
	for (int i = 0; i < pins->cnt; i++) {
		rd_kafka_topic_partition_t *pin = &pins->elems[i];
		const struct kafka_topic *topic = kafka_topic(kafka, pin->topic);

		kafka_metadata_write(kafka, pin, topic, NULL);
		kafka_metadata_write(kafka,
			rd_kafka_topic_partition_list_find(list, pin->topic, pin->partition), topic,
			NULL);
	}
	error = rd_kafka_commit_queue(kafka->client, pins, queue, on_pinned, &result);
	if (error == fine)
		rd_kafka_queue_poll_callback(queue, REQUEST_MS);
	rd_kafka_queue_destroy(queue); /* a later answer goes nowhere */
	return error == fine ? result : error;
}

bool kafka_pins_repeated(const struct kafka_source *kafka)
{
	return kafka->starts_committed && kafka->closed != kafka->closed_before;
}

/* A topic that was deleted is in the group's assignment until somebody joins, and for a member that
 * takes its place again for longer. The others are not to wait for it. */
static void leave_out(rd_kafka_topic_partition_list_t *list, int index)
{
	log_warning("%s[%d] is not there any more: left out", list->elems[index].topic,
		(int)list->elems[index].partition);
	rd_kafka_topic_partition_list_del_by_idx(list, index);
}

/* Fills in where each partition starts: committed offsets, or resolved ones that are committed
 * before anything is dispatched, so that a crash before the first commit loses nothing. */
rd_kafka_resp_err_t kafka_pin(struct kafka_source *kafka, rd_kafka_topic_partition_list_t *list)
{
	rd_kafka_topic_partition_list_t *pins = rd_kafka_topic_partition_list_new(list->cnt);
	struct buf foreign = {0};
	rd_kafka_resp_err_t error = learn_commits(kafka, list);

	if (error == fine && needs_learning(kafka, list))
		error = learn(kafka);
	for (int i = 0; error == fine && i < list->cnt; i++) {
		rd_kafka_topic_partition_t *entry = &list->elems[i];
		struct kafka_topic *topic = kafka_topic(kafka, entry->topic);

		if (entry->offset >= 0)
			continue;
		error = resolve(kafka, entry, topic);
		if (kafka_is_missing(error) && kafka->assign_tries >= GONE_AFTER) {
			error = fine;
			leave_out(list, i--);
			continue;
		}
		if (error != fine)
			break;
		kafka_mark_begun(kafka, topic);
		kafka_mark_patterns(kafka, topic->name);
		rd_kafka_topic_partition_list_add(pins, entry->topic, entry->partition)->offset =
			entry->offset;
		if (topic->foreign && entry->partition < topic->initial_partitions)
			buf_printf(&foreign, "%s%s[%d] at %lld",
				foreign.length > 0 ? ", " : "", entry->topic, (int)entry->partition,
				(long long)entry->offset);
	}
	if (error == fine && pins->cnt > 0)
		error = commit_pins(kafka, list, pins);
	if (error == fine)
		tell_foreign(kafka, &foreign);
	buf_release(&foreign);
	rd_kafka_topic_partition_list_destroy(pins);
	return error;
}

/* With -e: the offsets that are last now. */
rd_kafka_resp_err_t kafka_find_ends(struct kafka_source *kafka, rd_kafka_topic_partition_list_t *list)
{
	for (int i = 0; kafka->source->stop_at_end && i < list->cnt; i++) {
		rd_kafka_topic_partition_t *entry = &list->elems[i];
		struct kafka_partition *partition =
			kafka_partition(kafka, entry->topic, entry->partition);
		rd_kafka_resp_err_t error;
		int64_t low;

		if (partition->end < 0) {
			error = watermarks(kafka, entry, &low, &partition->end);
			if (error != fine)
				return error;
		}
		partition->at_end = entry->offset >= partition->end;
	}
	return fine;
}
