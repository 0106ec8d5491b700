#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "base/text.h"
#include "bruco-source/kinds/kafka.h"
#include "kafka/client.h"

enum {
	RETRY_MS = 500,
	HANGING_MS = 120000 /* a transaction lasts 60 s at most, by anybody's default; then the broker sees to it */
};

/* NULL: of nothing. */
static rd_kafka_resp_err_t tell_client(
	struct kafka_source *kafka, const rd_kafka_topic_partition_list_t *list)
{
	return kafka_has_group(kafka) ? rd_kafka_assign(kafka->client, list)
				      : kafka_no_group_assign(kafka, list);
}

static void add_load(struct kafka_source *kafka, struct kafka_partition *partition, void *argument)
{
	unsigned *load = argument;

	(void)kafka;
	load[partition->base.lane]++;
}

/* Partitions are spread over the lanes evenly, whatever their numbers are. */
static unsigned emptiest_lane(struct kafka_source *kafka)
{
	unsigned load[LIMIT_LANES] = {0};
	unsigned best = 0;

	kafka_each(kafka, add_load, load);
	for (unsigned i = 1; i < kafka->source->lanes.count; i++)
		if (load[i] < load[best])
			best = i;
	return best;
}

static void begin(struct kafka_source *kafka, const rd_kafka_topic_partition_t *entry)
{
	struct kafka_partition *partition = kafka_partition(kafka, entry->topic, entry->partition);
	struct attempts before = partition->base.attempts;

	partition->base.lane = emptiest_lane(kafka);
	backlog_release(&partition->backlog);
	backlog_init(&partition->backlog, kafka->source->lanes.count);
	partition->committed = partition->position = entry->offset;
	partition->newest_ms = partition->shown = -1;
	partition->moved_ms = clock_ms();
	partition->committing = partition->refused = -1;
	partition->refusal_logged = false;
	partition->paused = partition->at_tail = false;
	kafka_flow_ask_user(kafka, partition);
	tracker_begin(&partition->base.tracker);
	attempts_read(&partition->base.attempts, entry->metadata, entry->metadata_size);
	attempts_done_below(&partition->base.attempts, entry->offset);
	partition->attempts_committed = partition->base.attempts.version;
	/* A worker may still try a record of the last assignment, or have done so after it. */
	attempts_merge(&partition->base.attempts, &before, entry->offset);
	partition->begun_committed =
		kafka_metadata_told(kafka, entry, partition->topic) ? kafka->begun : 0;
	log_debug("%s[%d] from offset %lld in lane %u", entry->topic, (int)entry->partition,
		(long long)entry->offset, partition->base.lane);
}

/* Whether what the sink has taken, or the workers have, is of a partition and not committed. */
static bool is_torn(struct kafka_source *kafka, struct kafka_partition *partition)
{
	return !tracker_idle(&partition->base.tracker) || kafka_commit_lacks(kafka, partition) ||
	       kafka->commit_pending;
}

static void end(struct kafka_source *kafka, struct kafka_partition *partition, void *argument)
{
	(void)argument;
	/* At the end the sink may be gone, and all of it begins again in any case. */
	if (source_is_exact(kafka->source) && !kafka->closing && is_torn(kafka, partition))
		kafka_cut_torn(kafka);
	/* A status of 0 promises that nothing of a drained run is repeated. What a drained lane left
	 * undone has given nothing. */
	if (kafka->source->draining && ((!tracker_idle(&partition->base.tracker) &&
					       !lanes_drained(&kafka->source->lanes)) ||
					      kafka_commit_lacks(kafka, partition)))
		source_drain(kafka->source, STATUS_TEMPFAIL);
	kafka_flow_drop(kafka, partition);
	tracker_end(&partition->base.tracker);
}

void kafka_assign_give_up(struct kafka_source *kafka)
{
	rd_kafka_resp_err_t error;

	kafka_flow_stop(kafka);
	kafka_each(kafka, end, NULL);
	if (kafka->assigning != NULL)
		rd_kafka_topic_partition_list_destroy(kafka->assigning);
	kafka->assigning = NULL;
	kafka->phase = PHASE_STEADY;
	error = tell_client(kafka, NULL);
	if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
		log_warning("cannot give up the assignment: %s", rd_kafka_err2str(error));
}

/* Said once for each number of partitions. */
static void tell_idle_workers(struct kafka_source *kafka, int partitions)
{
	int workers = (int)kafka->source->lanes.count;

	if (kafka->source->config->processor.ordering != ORDERING_PARTITION || partitions == 0 ||
		workers <= partitions || kafka->idle_told == partitions)
		return;
	kafka->idle_told = partitions;
	log_info("%d of %d workers have nothing to do: with 'ordering: partition' each partition "
		 "has one worker; 'ordering: key' uses them all",
		workers - partitions, workers);
}

/* What else there is to say of it: offsets of an open transaction are not told. The broker ends one itself, unless it
 * has forgotten it. */
static const char *explain(const struct kafka_source *kafka, rd_kafka_resp_err_t error)
{
	if (error != RD_KAFKA_RESP_ERR__TIMED_OUT)
		return "";
	if (clock_ms() - kafka->assign_since < HANGING_MS)
		return " (a transaction that has not ended may hold them; it ends at the latest after its "
		       "transaction.timeout.ms)";
	return " (a transaction that the broker does not end may hold them: Kafka's 'kafka-transactions.sh "
	       "find-hanging' finds it, see exactlyOnce in bruco.yaml(5))";
}

static void put_off(struct kafka_source *kafka, rd_kafka_resp_err_t error)
{
	bool group = kafka_has_group(kafka);
	bool has_lines = !group && (kafka_is_missing(error) || error == RD_KAFKA_RESP_ERR__TRANSPORT);
	int status = kafka_error_status(error);
	int64_t now = clock_ms();

	if (status != STATUS_OK && group)
		die(status, "cannot start from the offsets of group '%s': %s (%s)",
			kafka->source->config->source.consumer_group, rd_kafka_err2str(error),
			kafka->health.whom);
	if (!has_lines && reminder_due(&kafka->put_off, now))
		log_warning("cannot start%s yet: %s%s", group ? " from the group's offsets" : "",
			rd_kafka_err2str(error), group ? explain(kafka, error) : "");
	kafka->deadline = now + RETRY_MS;
}

static void give_lane(struct kafka_source *kafka, struct kafka_partition *partition, void *argument)
{
	unsigned *partitions = argument;

	partition->base.lane = (*partitions)++ % kafka->source->lanes.count;
	kafka_flow_spread(kafka, partition);
}

void kafka_spread(void *state)
{
	struct kafka_source *kafka = state;
	unsigned partitions = 0;

	kafka_each(kafka, give_lane, &partitions);
	kafka->idle_told = 0;
	tell_idle_workers(kafka, (int)partitions);
}

/* What was sent of it when a connection was lost may arrive late, behind what transactions have committed, and
 * take the group back to the start. The broker refuses it from a member that has a successor. */
static void check_repeated(struct kafka_source *kafka)
{
	if (source_is_exact(kafka->source) && kafka_pins_repeated(kafka))
		die(STATUS_TEMPFAIL,
			"a connection was lost while the group '%s' was told where partitions begin: the source begins "
			"anew, so that nothing of it can arrive later",
			kafka->source->config->source.consumer_group);
	kafka->starts_committed = false;
}

static void assign(struct kafka_source *kafka, int64_t now)
{
	rd_kafka_resp_err_t error;

	if (now < kafka->deadline || kafka->commit_pending)
		return;
	if (kafka->assign_tries++ == 0)
		kafka->assign_since = now;
	error = kafka_has_group(kafka) ? kafka_pin(kafka, kafka->assigning)
				       : kafka_no_group_pin(kafka, kafka->assigning);
	if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
		error = kafka_find_ends(kafka, kafka->assigning);
	if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
		error = tell_client(kafka, kafka->assigning);
	if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
		put_off(kafka, error);
		return;
	}
	check_repeated(kafka);
	for (int i = 0; i < kafka->assigning->cnt; i++) {
		kafka_present(kafka, kafka->assigning->elems[i].topic);
		begin(kafka, &kafka->assigning->elems[i]);
	}
	if (source_is_exact(kafka->source))
		kafka_cut_begin(kafka);
	page_count(kafka->source->lanes.page, COUNT_REBALANCES, 1);
	kafka_board_assigned(kafka);
	log_info("%d partition%s %s", kafka->assigning->cnt, PLURAL(kafka->assigning->cnt),
		kafka_has_group(kafka) ? "assigned" : "to read, without a group");
	kafka->put_off = (struct reminder){0};
	tell_idle_workers(kafka, kafka->assigning->cnt);
	rd_kafka_topic_partition_list_destroy(kafka->assigning);
	kafka->assigning = NULL;
	kafka->phase = PHASE_STEADY;
	kafka_health_good(&kafka->health);
	stage_ready(&kafka->source->stage);
}

static void under_way(struct kafka_source *kafka, struct kafka_partition *partition, void *argument)
{
	(void)kafka;
	if (!tracker_idle(&partition->base.tracker))
		*(bool *)argument = true;
}

/* Stop, drain, commit, give up: goes on until it is done or its time is up. */
static void revoke(struct kafka_source *kafka, int64_t now)
{
	bool busy = false;

	if (rd_kafka_assignment_lost(kafka->client)) {
		log_warning("the assignment was lost: records under way may be repeated");
		kafka_assign_give_up(kafka);
		return;
	}
	kafka_each(kafka, under_way, &busy);
	kafka_commit_start(kafka);
	if ((busy || !kafka_commit_settled(kafka)) && now < kafka->deadline)
		return;
	if (busy)
		log_warning("partitions given up with records under way, which may be repeated");
	kafka_assign_give_up(kafka);
}

void kafka_assign_work(struct kafka_source *kafka, int64_t now)
{
	if (kafka->phase == PHASE_ASSIGNING && !source_taking(kafka->source))
		kafka_assign_give_up(kafka);
	else if (kafka->phase == PHASE_ASSIGNING)
		assign(kafka, now);
	else if (kafka->phase == PHASE_REVOKING)
		revoke(kafka, now);
}

void kafka_on_rebalance(rd_kafka_t *client, rd_kafka_resp_err_t error,
	rd_kafka_topic_partition_list_t *list, void *opaque)
{
	struct kafka_source *kafka = opaque;

	kafka_member_check_fenced(kafka);
	switch (error) {
	case RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS:
		kafka->joined = true;
		if (kafka->closing) {
			kafka_assign_give_up(kafka);
			break;
		}
		if (kafka->assigning != NULL)
			rd_kafka_topic_partition_list_destroy(kafka->assigning);
		kafka->assigning = rd_kafka_topic_partition_list_copy(list);
		kafka->phase = PHASE_ASSIGNING;
		kafka->assign_tries = 0;
		kafka->deadline = 0;
		break;
	case RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS:
		if (!kafka->closing)
			log_info("%d partition%s revoked%s", list->cnt, PLURAL(list->cnt),
				rd_kafka_assignment_lost(client) ? " (lost)" : "");
		if (kafka->phase == PHASE_ASSIGNING || kafka->closing ||
			rd_kafka_assignment_lost(client)) {
			kafka_assign_give_up(kafka);
			break;
		}
		kafka->phase = PHASE_REVOKING;
		kafka->deadline = clock_ms() + kafka->source->config->source.rebalance_timeout_ms;
		break;
	default:
		log_warning("rebalance: %s", rd_kafka_err2str(error));
		kafka_assign_give_up(kafka);
		break;
	}
}
