#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "kafka.h"

/* The metadata of every commit says how many partitions the topic had when the group first saw it:
 * one with a higher number came later and has nobody's records read yet. librdkafka frees it. */
void kafka_commit_metadata(rd_kafka_topic_partition_t *entry, int32_t known)
{
	char text[48];

	if (known < 0)
		return;
	snprintf(text, sizeof text, "bruco partitions=%d", (int)known);
	entry->metadata = mem_text(text);
	entry->metadata_size = strlen(text);
}

static void collect(struct kafka *kafka, struct kafka_partition *partition, void *argument)
{
	int64_t frontier = tracker_frontier(&partition->base.tracker);
	rd_kafka_topic_partition_t *entry;

	(void)kafka;
	if (frontier < 0 || frontier == partition->committed)
		return;
	entry = rd_kafka_topic_partition_list_add(
		argument, partition->base.topic, partition->base.id);
	entry->offset = frontier;
	kafka_commit_metadata(entry, partition->topic->known);
	partition->committing = frontier;
}

void kafka_commit_start(struct kafka *kafka)
{
	rd_kafka_topic_partition_list_t *list;
	rd_kafka_resp_err_t error;

	if (kafka->commit_pending || kafka->phase == PHASE_ASSIGNING)
		return;
	list = rd_kafka_topic_partition_list_new(8);
	kafka_each(kafka, collect, list);
	if (list->cnt > 0) {
		error = rd_kafka_commit(kafka->client, list, 1);
		if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
			kafka->commit_pending = true;
		else
			log_warning("cannot commit: %s", rd_kafka_err2str(error));
	}
	rd_kafka_topic_partition_list_destroy(list);
}

/* A refused commit is not sent again: the next one carries the frontier of its own time, and only
 * if the assignment is still the same. */
void kafka_on_commit(rd_kafka_t *client, rd_kafka_resp_err_t error,
	rd_kafka_topic_partition_list_t *list, void *opaque)
{
	struct kafka *kafka = opaque;

	(void)client;
	kafka->commit_pending = false;
	if (error != RD_KAFKA_RESP_ERR_NO_ERROR && error != RD_KAFKA_RESP_ERR__NO_OFFSET)
		log_warning("commit was refused: %s", rd_kafka_err2str(error));
	for (int i = 0; list != NULL && i < list->cnt; i++) {
		const rd_kafka_topic_partition_t *entry = &list->elems[i];
		struct kafka_partition *partition =
			kafka_partition(kafka, entry->topic, entry->partition);

		if (error == RD_KAFKA_RESP_ERR_NO_ERROR &&
			entry->err == RD_KAFKA_RESP_ERR_NO_ERROR &&
			partition->committing == entry->offset)
			partition->committed = entry->offset;
		partition->committing = -1;
	}
	if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
		page_count(kafka->stage->lanes.page, COUNT_COMMITS, 1);
}

static void settled(struct kafka *kafka, struct kafka_partition *partition, void *argument)
{
	int64_t frontier = tracker_frontier(&partition->base.tracker);

	(void)kafka;
	if (frontier >= 0 && frontier != partition->committed)
		*(bool *)argument = false;
}

bool kafka_commit_settled(struct kafka *kafka)
{
	bool all = !kafka->commit_pending;

	kafka_each(kafka, settled, &all);
	return all;
}
