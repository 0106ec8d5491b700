/* Asking the client for what it has fetched, and keeping it at that. */
#include <stddef.h>

#include "base/clock.h"
#include "bruco-source/kinds/kafka.h"
#include "kafka/health.h"

static void add_fetched(struct kafka_source *kafka, struct kafka_partition *partition, void *list)
{
	(void)kafka;
	if (!partition->paused && !partition->at_tail)
		rd_kafka_topic_partition_list_add(list, partition->base.topic, partition->base.id)
			->offset = 0;
}

/*
 * When its queue is full, the client's thread for a broker sleeps for up to a second before
 * librdkafka 2.2, whatever is taken meanwhile; but a request to that broker wakes it. This one goes to
 * the brokers that lead the partitions, and with no time to wait for the answer it returns at once.
 */
static void wake(struct kafka_source *kafka)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

	kafka_each(kafka, add_fetched, list);
	if (list->cnt > 0)
		rd_kafka_offsets_for_times(kafka->client, list, 0);
	rd_kafka_topic_partition_list_destroy(list);
}

/* The client sleeps only if its queue was full, and then more than half of that has been handed out
 * since it was empty last: one request for each time. */
static void on_empty(struct kafka_source *kafka)
{
	bool was_full = kafka->handed_records > kafka->prefetch.records / 2 ||
			kafka->handed_bytes > kafka->prefetch.bytes / 2;

	kafka->emptied = clock_ms();
	kafka->handed_records = kafka->handed_bytes = 0;
	if (KAFKA_FETCH_SLEEPS && was_full)
		wake(kafka);
}

/* Notes which partitions the client has handed out no record of last. Records come in runs, of which
 * only the last one counts. */
static void note_tails(struct kafka_source *kafka)
{
	for (size_t i = 0; i < kafka->batch_end; i++) {
		const rd_kafka_message_t *message = kafka->batch[i];
		const rd_kafka_message_t *next =
			i + 1 < kafka->batch_end ? kafka->batch[i + 1] : NULL;
		struct kafka_partition *partition;

		if (message->rkt == NULL || (next != NULL && next->rkt == message->rkt &&
						    next->partition == message->partition))
			continue;
		partition = kafka_partition_of(kafka, message);
		if (partition != NULL)
			partition->at_tail = message->err != RD_KAFKA_RESP_ERR_NO_ERROR;
	}
}

/*
 * Consuming in batches costs a third less CPU time than one by one. Before librdkafka 2.1 it is
 * said to skip records when a partition is paused, set back or revoked: a message that was moved
 * into the array counts as consumed, even when the same call then throws it away because the
 * partition's version has changed. Here nothing changes a version while the call lasts: partitions
 * are paused and assigned between calls, by this thread, and when the rebalance callback gives up
 * the assignment, then all of it. What was handed out before a pause is ours, in the array or in a
 * backlog, and the client goes on behind it.
 */
bool kafka_fetch(struct kafka_source *kafka)
{
	ssize_t count = rd_kafka_consume_batch_queue(kafka->queue, 0, kafka->batch, BATCH_MAX);

	kafka->batch_at = 0;
	kafka->batch_end = count > 0 ? (size_t)count : 0;
	for (size_t i = 0; i < kafka->batch_end; i++)
		kafka->handed_bytes += (int64_t)kafka->batch[i]->len;
	kafka->handed_records += (int64_t)kafka->batch_end;
	if (kafka->batch_end < BATCH_MAX)
		on_empty(kafka);
	if (count <= 0)
		return false;
	note_tails(kafka);
	if (kafka->batch[0]->err == RD_KAFKA_RESP_ERR_NO_ERROR)
		kafka_health_good(&kafka->health);
	return true;
}
