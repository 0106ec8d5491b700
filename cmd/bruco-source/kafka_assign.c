#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "kafka.h"
#include "kafka/client.h"

enum { REQUEST_MS = 5000, RETRY_MS = 500 };

/* ---- where a partition starts */

rd_kafka_resp_err_t kafka_watermarks(
	struct kafka *kafka, const char *topic, int32_t id, int64_t *low, int64_t *high)
{
	return rd_kafka_query_watermark_offsets(kafka->client, topic, id, low, high, REQUEST_MS);
}

static int32_t count_of(struct kafka *kafka, const char *topic, rd_kafka_resp_err_t *error)
{
	rd_kafka_topic_t *handle = rd_kafka_topic_new(kafka->client, topic, NULL);
	const struct rd_kafka_metadata *metadata;
	int32_t count = -1;

	*error = rd_kafka_metadata(kafka->client, 0, handle, &metadata, REQUEST_MS);
	if (*error == RD_KAFKA_RESP_ERR_NO_ERROR) {
		if (metadata->topic_cnt == 1) {
			*error = metadata->topics[0].err;
			count = metadata->topics[0].partition_cnt;
		}
		rd_kafka_metadata_destroy(metadata);
	}
	rd_kafka_topic_destroy(handle);
	return count;
}

/* How many partitions the topic had when the group first saw it, from what the group has committed
 * for any of them. Nothing at all: the group is new to it, and it is as many as there are now. A
 * commit of another client says nothing: 0, so that what has no commit starts at its beginning. */
static rd_kafka_resp_err_t learn_known(struct kafka *kafka, struct kafka_topic *topic)
{
	rd_kafka_topic_partition_list_t *list;
	rd_kafka_resp_err_t error;
	int32_t count, known;

	if (topic->known >= 0)
		return RD_KAFKA_RESP_ERR_NO_ERROR;
	count = count_of(kafka, topic->name, &error);
	if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
		return error;
	list = rd_kafka_topic_partition_list_new(count);
	for (int32_t id = 0; id < count; id++)
		rd_kafka_topic_partition_list_add(list, topic->name, id);
	error = rd_kafka_committed(kafka->client, list, REQUEST_MS);
	known = count;
	for (int i = 0; error == RD_KAFKA_RESP_ERR_NO_ERROR && i < list->cnt; i++) {
		if (list->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR)
			error = list->elems[i].err;
		if (list->elems[i].offset >= 0 && kafka_metadata_known(&list->elems[i]) < known)
			known = kafka_metadata_known(&list->elems[i]);
	}
	rd_kafka_topic_partition_list_destroy(list);
	if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
		topic->known = known;
	return error;
}

static rd_kafka_resp_err_t by_time(
	struct kafka *kafka, rd_kafka_topic_partition_t *entry, int64_t time, int64_t high)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_resp_err_t error;

	rd_kafka_topic_partition_list_add(list, entry->topic, entry->partition)->offset = time;
	error = rd_kafka_offsets_for_times(kafka->client, list, REQUEST_MS);
	if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
		error = list->elems[0].err;
	if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
		entry->offset = list->elems[0].offset >= 0 ? list->elems[0].offset : high;
	rd_kafka_topic_partition_list_destroy(list);
	return error;
}

static rd_kafka_resp_err_t resolve(struct kafka *kafka, rd_kafka_topic_partition_t *entry)
{
	const struct start_offset *start = &kafka->stage->config->source.offset;
	struct kafka_partition *partition = kafka_partition(kafka, entry->topic, entry->partition);
	rd_kafka_resp_err_t error;
	int64_t low, high;

	error = learn_known(kafka, partition->topic);
	if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
		error = kafka_watermarks(kafka, entry->topic, entry->partition, &low, &high);
	if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
		return error;
	if (entry->partition >= partition->topic->known) {
		entry->offset = low;
		log_info("%s[%d] is new to the group, from its beginning", entry->topic,
			(int)entry->partition);
		return error;
	}
	switch (start->kind) {
	case OFFSET_EARLIEST:
		entry->offset = low;
		break;
	case OFFSET_LATEST:
		entry->offset = high;
		break;
	case OFFSET_NUMBER:
		entry->offset = start->value < low    ? low
				: start->value > high ? high
						      : start->value;
		break;
	case OFFSET_TIME:
		return by_time(kafka, entry, start->value, high);
	}
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* Fills in where each partition starts: committed offsets, or resolved ones that are committed
 * before anything is dispatched, so that a crash before the first commit loses nothing. */
static rd_kafka_resp_err_t pin(struct kafka *kafka, rd_kafka_topic_partition_list_t *list)
{
	rd_kafka_topic_partition_list_t *pins = rd_kafka_topic_partition_list_new(list->cnt);
	rd_kafka_resp_err_t error = rd_kafka_committed(kafka->client, list, REQUEST_MS);

	for (int i = 0; error == RD_KAFKA_RESP_ERR_NO_ERROR && i < list->cnt; i++) {
		rd_kafka_topic_partition_t *entry = &list->elems[i];
		rd_kafka_topic_partition_t *pinned;
		struct kafka_topic *topic =
			kafka_partition(kafka, entry->topic, entry->partition)->topic;

		error = entry->err;
		if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
			break;
		if (entry->offset >= 0) {
			/* Another instance may have set it meanwhile: the smallest is the oldest.
			 */
			if (topic->known < 0 || kafka_metadata_known(entry) < topic->known)
				topic->known = kafka_metadata_known(entry);
			continue;
		}
		error = resolve(kafka, entry);
		if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
			break;
		pinned = rd_kafka_topic_partition_list_add(pins, entry->topic, entry->partition);
		pinned->offset = entry->offset;
		kafka_metadata_write(pinned, topic->known, NULL);
	}
	if (error == RD_KAFKA_RESP_ERR_NO_ERROR && pins->cnt > 0)
		error = rd_kafka_commit(kafka->client, pins, 0);
	rd_kafka_topic_partition_list_destroy(pins);
	return error;
}

/* With -e: the offsets that are last now. */
static rd_kafka_resp_err_t find_ends(struct kafka *kafka, rd_kafka_topic_partition_list_t *list)
{
	for (int i = 0; kafka->stage->stop_at_end && i < list->cnt; i++) {
		rd_kafka_topic_partition_t *entry = &list->elems[i];
		struct kafka_partition *partition =
			kafka_partition(kafka, entry->topic, entry->partition);
		rd_kafka_resp_err_t error;
		int64_t low, high;

		if (partition->end < 0) {
			error = kafka_watermarks(
				kafka, entry->topic, entry->partition, &low, &high);
			if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
				return error;
			partition->end = high;
		}
		partition->at_end = entry->offset >= partition->end;
	}
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* ---- assignments */

static void add_load(struct kafka *kafka, struct kafka_partition *partition, void *argument)
{
	unsigned *load = argument;

	(void)kafka;
	load[partition->base.lane]++;
}

/* Partitions are spread over the lanes evenly, whatever their numbers are. */
static unsigned emptiest_lane(struct kafka *kafka)
{
	unsigned load[256] = {0};
	unsigned best = 0;

	kafka_each(kafka, add_load, load);
	for (unsigned i = 1; i < kafka->stage->lanes.count; i++)
		if (load[i] < load[best])
			best = i;
	return best;
}

static void begin(struct kafka *kafka, const rd_kafka_topic_partition_t *entry)
{
	struct kafka_partition *partition = kafka_partition(kafka, entry->topic, entry->partition);

	partition->base.lane = emptiest_lane(kafka);
	partition->committed = entry->offset;
	partition->committing = -1;
	partition->paused = false;
	tracker_begin(&partition->base.tracker);
	attempts_read(&partition->base.attempts, entry->metadata, entry->metadata_size);
	attempts_done_below(&partition->base.attempts, entry->offset);
	partition->attempts_committed = partition->base.attempts.version;
	log_debug("%s[%d] from offset %lld in lane %u", entry->topic, (int)entry->partition,
		(long long)entry->offset, partition->base.lane);
}

static void end(struct kafka *kafka, struct kafka_partition *partition, void *argument)
{
	(void)argument;
	kafka_unstash(kafka, partition);
	tracker_end(&partition->base.tracker);
}

static void give_up_all(struct kafka *kafka)
{
	rd_kafka_resp_err_t error;

	kafka_each(kafka, end, NULL);
	if (kafka->assigning != NULL)
		rd_kafka_topic_partition_list_destroy(kafka->assigning);
	kafka->assigning = NULL;
	kafka->phase = PHASE_STEADY;
	error = rd_kafka_assign(kafka->client, NULL);
	if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
		log_warning("cannot give up the assignment: %s", rd_kafka_err2str(error));
}

static void assign(struct kafka *kafka, int64_t now)
{
	rd_kafka_resp_err_t error;

	if (now < kafka->deadline || kafka->commit_pending)
		return;
	error = pin(kafka, kafka->assigning);
	if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
		error = find_ends(kafka, kafka->assigning);
	if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
		error = rd_kafka_assign(kafka->client, kafka->assigning);
	if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
		int status = kafka_error_status(error);

		if (status != STATUS_OK)
			die(status, "cannot start from the group's offsets: %s",
				rd_kafka_err2str(error));
		log_warning(
			"cannot start from the group's offsets yet: %s", rd_kafka_err2str(error));
		kafka->deadline = clock_ms() + RETRY_MS;
		return;
	}
	for (int i = 0; i < kafka->assigning->cnt; i++)
		begin(kafka, &kafka->assigning->elems[i]);
	log_info("%d partitions assigned", kafka->assigning->cnt);
	rd_kafka_topic_partition_list_destroy(kafka->assigning);
	kafka->assigning = NULL;
	kafka->phase = PHASE_STEADY;
	stage_ready(kafka->stage);
}

static void under_way(struct kafka *kafka, struct kafka_partition *partition, void *argument)
{
	(void)kafka;
	if (!tracker_idle(&partition->base.tracker))
		*(bool *)argument = true;
}

/* Stop, drain, commit, give up: goes on until it is done or its time is up. */
static void revoke(struct kafka *kafka, int64_t now)
{
	bool busy = false;

	if (rd_kafka_assignment_lost(kafka->client)) {
		log_warning("the assignment was lost: records under way may be repeated");
		give_up_all(kafka);
		return;
	}
	kafka_each(kafka, under_way, &busy);
	kafka_commit_start(kafka);
	if ((busy || !kafka_commit_settled(kafka)) && now < kafka->deadline)
		return;
	if (busy)
		log_warning("partitions given up with records under way, which may be repeated");
	give_up_all(kafka);
}

void kafka_assign_work(struct kafka *kafka, int64_t now)
{
	if (kafka->phase == PHASE_ASSIGNING && !stage_taking(kafka->stage))
		give_up_all(kafka);
	else if (kafka->phase == PHASE_ASSIGNING)
		assign(kafka, now);
	else if (kafka->phase == PHASE_REVOKING)
		revoke(kafka, now);
}

void kafka_on_rebalance(rd_kafka_t *client, rd_kafka_resp_err_t error,
	rd_kafka_topic_partition_list_t *list, void *opaque)
{
	struct kafka *kafka = opaque;

	switch (error) {
	case RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS:
		if (kafka->assigning != NULL)
			rd_kafka_topic_partition_list_destroy(kafka->assigning);
		kafka->assigning = rd_kafka_topic_partition_list_copy(list);
		kafka->phase = PHASE_ASSIGNING;
		kafka->deadline = 0;
		break;
	case RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS:
		log_info("%d partitions revoked%s", list->cnt,
			rd_kafka_assignment_lost(client) ? " (lost)" : "");
		if (kafka->phase == PHASE_ASSIGNING || kafka->closing ||
			rd_kafka_assignment_lost(client)) {
			give_up_all(kafka);
			break;
		}
		kafka->phase = PHASE_REVOKING;
		kafka->deadline = clock_ms() + kafka->stage->config->source.rebalance_timeout_ms;
		break;
	default:
		log_warning("rebalance: %s", rd_kafka_err2str(error));
		give_up_all(kafka);
		break;
	}
}
