#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "bruco-source/kinds/kafka.h"
#include "kafka/client.h"

/* The offset that the broker should have of a partition: its frontier, or the place where it started
 * while nothing is done in this assignment. False: the broker has it, and the metadata; or there is no
 * group. */
static bool wanted(struct kafka_source *kafka, struct kafka_partition *partition, int64_t *offset)
{
	if (!kafka_has_group(kafka))
		return false;
	*offset = tracker_frontier(&partition->base.tracker);
	if (*offset < 0)
		*offset = partition->committed;
	attempts_done_below(&partition->base.attempts, *offset);
	return *offset != partition->committed || partition->begun_committed != kafka->begun ||
	       partition->base.attempts.version != partition->attempts_committed;
}

/* The same, but for what the broker has refused for good. When more is done it is asked again. */
static bool due(struct kafka_source *kafka, struct kafka_partition *partition, int64_t *offset)
{
	return wanted(kafka, partition, offset) &&
	       (*offset != partition->refused || kafka->begun != partition->begun_refused ||
		       partition->base.attempts.version != partition->attempts_refused);
}

bool kafka_commit_lacks(struct kafka_source *kafka, struct kafka_partition *partition)
{
	int64_t offset;

	return wanted(kafka, partition, &offset);
}

static void collect(struct kafka_source *kafka, struct kafka_partition *partition, void *argument)
{
	rd_kafka_topic_partition_t *entry;
	int64_t offset;

	if (kafka->commit_apart && partition->topic != kafka->topics[kafka->commit_topic])
		return;
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

/* The error may pass: the next commit waits. Only a new error is worth a line. */
static void put_off(struct kafka_source *kafka, rd_kafka_resp_err_t error)
{
	kafka->commit_again = clock_ms() + KAFKA_COMMIT_MS;
	if (error != kafka->commit_error)
		log_warning("commit was refused: %s", rd_kafka_err2str(error));
	kafka->commit_error = error;
}

struct lacking {
	bool any, attempts; /* the count of attempts alone, or with the rest */
};

static void find_lacking(struct kafka_source *kafka, struct kafka_partition *partition, void *argument)
{
	struct lacking *lacking = argument;
	int64_t offset;

	if (!due(kafka, partition, &offset))
		return;
	lacking->any = true;
	if (partition->base.attempts.version != partition->attempts_committed)
		lacking->attempts = true;
}

/* The sink commits. */
static void ask_sink(struct kafka_source *kafka)
{
	struct lacking lacking = {0};

	if (kafka->commit_pending || kafka->phase == PHASE_ASSIGNING)
		return;
	kafka_each(kafka, find_lacking, &lacking);
	if (lacking.any)
		kafka_cut_want(kafka, lacking.attempts);
}

void kafka_commit_collect(struct kafka_source *kafka, rd_kafka_topic_partition_list_t *list)
{
	if (kafka->phase != PHASE_ASSIGNING)
		kafka_each(kafka, collect, list);
}

void kafka_commit_start(struct kafka_source *kafka)
{
	rd_kafka_topic_partition_list_t *list;
	rd_kafka_resp_err_t error;

	if (source_is_exact(kafka->source)) {
		ask_sink(kafka);
		return;
	}
	if (kafka->commit_pending || kafka->phase == PHASE_ASSIGNING ||
		clock_ms() < kafka->commit_again)
		return;
	list = rd_kafka_topic_partition_list_new(8);
	for (size_t turns = kafka->topic_count; turns > 0 && list->cnt == 0; turns--) {
		kafka->commit_topic = (kafka->commit_topic + 1) % kafka->topic_count;
		kafka_each(kafka, collect, list);
		if (!kafka->commit_apart)
			break;
	}
	if (list->cnt > 0) {
		error = rd_kafka_commit(kafka->client, list, 1);
		if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
			kafka->commit_pending = true;
		else
			put_off(kafka, error);
	}
	rd_kafka_topic_partition_list_destroy(list);
}

/* An answer that the broker would give every time. */
static bool is_permanent(rd_kafka_resp_err_t error)
{
	switch (error) {
	case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
	case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
	case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_INVALID_GROUP_ID:
	case RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE:
	case RD_KAFKA_RESP_ERR_INVALID_COMMIT_OFFSET_SIZE:
	case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
		return true;
	default:
		return false;
	}
}

/* This frontier will never be committed, and counts as settled. If the topic is gone, the others go
 * on; any other reason would refuse all commits. */
static void give_up_commit(
	struct kafka_source *kafka, struct kafka_partition *partition, rd_kafka_resp_err_t error)
{
	int status = kafka_error_status(error);

	partition->refused = partition->committing;
	partition->attempts_refused = partition->attempts_committing;
	partition->begun_refused = partition->begun_committing;
	if (!partition->refusal_logged)
		log_error("cannot commit %s[%d]@%lld: %s (consumer group '%s'%s%s)",
			partition->base.topic, (int)partition->base.id,
			(long long)partition->refused, rd_kafka_err2str(error),
			kafka->source->config->source.consumer_group,
			status == STATUS_REFUSED ? ", " : "",
			status == STATUS_REFUSED ? kafka->health.whom : "");
	partition->refusal_logged = true;
	if (error != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
		source_drain(kafka->source, status != STATUS_OK ? status : STATUS_TEMPFAIL);
}

/* One partition of several was refused, and librdkafka 2.0 reports the same error for those that were
 * committed. So from now on each topic is committed alone, and all of them again: a permanent refusal
 * concerns a whole topic. */
static bool tells_nothing(struct kafka_source *kafka, const rd_kafka_topic_partition_list_t *list)
{
	bool many = false;

	for (int i = 0; i < list->cnt; i++) {
		if (!is_permanent(list->elems[i].err))
			return false;
		many = many || strcmp(list->elems[i].topic, list->elems[0].topic) != 0;
	}
	if (many)
		kafka->commit_apart = true;
	return many;
}

void kafka_commit_taken(struct kafka_source *kafka, struct kafka_partition *partition)
{
	(void)kafka;
	if (partition->committing < 0)
		return; /* nothing of it was due */
	partition->committed = partition->committing;
	partition->attempts_committed = partition->attempts_committing;
	partition->begun_committed = partition->begun_committing;
	partition->refusal_logged = false;
	partition->committing = -1;
}

/* A refused commit is not sent again: the next one carries the frontier of its own time, and only
 * if the assignment is still the same. */
void kafka_on_commit(rd_kafka_t *client, rd_kafka_resp_err_t whole,
	rd_kafka_topic_partition_list_t *list, void *opaque)
{
	struct kafka_source *kafka = opaque;
	rd_kafka_resp_err_t passing = RD_KAFKA_RESP_ERR_NO_ERROR;
	bool useless = list != NULL && tells_nothing(kafka, list);

	(void)client;
	kafka_member_check_fenced(kafka);
	kafka->commit_pending = false;
	for (int i = 0; list != NULL && i < list->cnt; i++) {
		const rd_kafka_topic_partition_t *entry = &list->elems[i];
		struct kafka_partition *partition =
			kafka_partition(kafka, entry->topic, entry->partition);
		rd_kafka_resp_err_t error =
			entry->err != RD_KAFKA_RESP_ERR_NO_ERROR ? entry->err : whole;

		if (partition->committing != entry->offset)
			continue; /* of an assignment before this one */
		if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
			kafka_commit_taken(kafka, partition);
		} else if (useless) {
			; /* it is due still */
		} else if (is_permanent(error)) {
			give_up_commit(kafka, partition, error);
		} else {
			passing = error;
		}
		partition->committing = -1;
	}
	if (list == NULL && whole != RD_KAFKA_RESP_ERR__NO_OFFSET)
		passing = whole;
	if (passing != RD_KAFKA_RESP_ERR_NO_ERROR)
		put_off(kafka, passing);
	else
		kafka->commit_error = RD_KAFKA_RESP_ERR_NO_ERROR;
	/* In a turn of all topics the next one does not wait. */
	if (kafka->commit_apart && kafka->commit_topic + 1 < kafka->topic_count)
		kafka->commit_due = 0;
	if (whole == RD_KAFKA_RESP_ERR_NO_ERROR)
		kafka_health_good(&kafka->health);
	if (whole == RD_KAFKA_RESP_ERR_NO_ERROR)
		page_count(kafka->source->lanes.page, COUNT_COMMITS, 1);
}

bool kafka_commit_is_over(const struct kafka_source *kafka)
{
	return source_is_exact(kafka->source) && (kafka->source->sink_ended || kafka->source->link < 0);
}

static void settled(struct kafka_source *kafka, struct kafka_partition *partition, void *argument)
{
	int64_t offset;

	if (due(kafka, partition, &offset))
		*(bool *)argument = false;
}

bool kafka_commit_settled(struct kafka_source *kafka)
{
	bool all = !kafka->commit_pending;

	if (kafka_commit_is_over(kafka))
		return true;
	kafka_each(kafka, settled, &all);
	return all;
}
