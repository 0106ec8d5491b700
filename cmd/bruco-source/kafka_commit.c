#include "base/log.h"
#include "kafka.h"

/* What the broker should have of a partition: its frontier, or as long as nothing is done in this
 * assignment where it started. False: it has that already, and the metadata too. */
static bool due(struct kafka *kafka, struct kafka_partition *partition, int64_t *offset)
{
	*offset = tracker_frontier(&partition->base.tracker);
	if (*offset < 0)
		*offset = partition->committed;
	attempts_done_below(&partition->base.attempts, *offset);
	return *offset != partition->committed || partition->begun_committed != kafka->begun ||
	       partition->base.attempts.version != partition->attempts_committed;
}

static void collect(struct kafka *kafka, struct kafka_partition *partition, void *argument)
{
	rd_kafka_topic_partition_t *entry;
	int64_t offset;

	if (!due(kafka, partition, &offset))
		return;
	entry = rd_kafka_topic_partition_list_add(
		argument, partition->base.topic, partition->base.id);
	entry->offset = offset;
	kafka_metadata_write(kafka, entry, partition->topic, &partition->base.attempts);
	partition->committing = offset;
	partition->attempts_committing = partition->base.attempts.version;
	partition->begun_committing = kafka->begun;
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
			partition->committing == entry->offset) {
			partition->committed = entry->offset;
			partition->attempts_committed = partition->attempts_committing;
			partition->begun_committed = partition->begun_committing;
		}
		partition->committing = -1;
	}
	if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
		page_count(kafka->stage->lanes.page, COUNT_COMMITS, 1);
}

static void settled(struct kafka *kafka, struct kafka_partition *partition, void *argument)
{
	int64_t offset;

	if (due(kafka, partition, &offset))
		*(bool *)argument = false;
}

bool kafka_commit_settled(struct kafka *kafka)
{
	bool all = !kafka->commit_pending;

	kafka_each(kafka, settled, &all);
	return all;
}
