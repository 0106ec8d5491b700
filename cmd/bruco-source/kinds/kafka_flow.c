#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "bruco-source/kinds/kafka.h"

/*
 * A full lane delays its own records only. They wait in their partition's backlog, and while others
 * can be given work the client is asked on. Three things bound what waits:
 *
 *   hold     the client is not asked for the moment: nobody could be given work, or a backlog is
 *            full. Nothing is lost by that, and what comes next is there when there is room; but
 *            all partitions wait, so it is for lanes that are through soon
 *   pause    of a partition whose lanes have work for a while: the client frees what it has
 *            fetched of it, and the others go on. Fetching again takes up to half a second while a
 *            request for other partitions waits at the broker, and up to one before librdkafka 2.2
 *            when there is none
 *   a user   who pauses a partition: what of it is in hand waits in its backlog, too, and the client
 *            is told to pause it as soon as decide() may
 *   refresh  before the rebalances that the client may have behind its records wait for long, hold
 *            gives way to pause
 */
enum {
	PAUSE_MS = 2000,   /* of work for the lanes of a partition that is paused; it goes on when */
	RESUME_MS = 1250,  /* so much is left */
	REFRESH_MS = 8000, /* the client was not emptied for so long */
	RECORD_BYTES = 450 /* that a record in a backlog costs beside its key and value */
};

static unsigned queue_of(unsigned lane)
{
	return lane == LANE_ANY ? 0 : lane;
}

/* The lane of a message, by its key. */
static unsigned lane_of(const struct kafka_source *kafka, const struct kafka_partition *partition,
	const rd_kafka_message_t *message)
{
	struct frame_record record = {.key = message->key,
		.key_length = message->key == NULL ? FRAME_NULL : (int32_t)message->key_len};

	return lanes_choose(&kafka->source->lanes, partition->base.lane, &record);
}

struct place {
	struct kafka_source *kafka;
	struct kafka_partition *partition;
};

static unsigned queue_at(const void *record, void *argument)
{
	const struct place *place = argument;

	return queue_of(lane_of(place->kafka, place->partition, record));
}

void kafka_flow_spread(struct kafka_source *kafka, struct kafka_partition *partition)
{
	struct place place = {kafka, partition};

	backlog_spread(&partition->backlog, kafka->source->lanes.count, queue_at, &place);
}

/* ---- those that wait */

static void begin_to_wait(struct kafka_source *kafka, struct kafka_partition *partition)
{
	if (partition->waits)
		return;
	partition->waits = true;
	kafka->waiting = mem_grow(
		kafka->waiting, kafka->waiting_count + 1, sizeof(struct kafka_partition *));
	kafka->waiting[kafka->waiting_count++] = partition;
}

static void end_to_wait(struct kafka_source *kafka, struct kafka_partition *partition)
{
	size_t kept = 0;

	for (size_t i = 0; i < kafka->waiting_count; i++)
		if (kafka->waiting[i] != partition)
			kafka->waiting[kept++] = kafka->waiting[i];
	kafka->waiting_count = kept;
	partition->waits = false;
}

static void count_backlog(struct kafka_source *kafka, const struct backlog *backlog, size_t count_before,
	size_t bytes_before)
{
	kafka->source->lanes.aside += backlog->count - count_before;
	kafka->backlog_bytes += backlog->bytes - bytes_before;
}

static void add(struct kafka_source *kafka, struct kafka_partition *partition, unsigned lane,
	rd_kafka_message_t *message)
{
	struct backlog *backlog = &partition->backlog;
	size_t count = backlog->count, bytes = backlog->bytes;

	backlog_add(backlog, queue_of(lane), message,
		message->len + message->key_len + RECORD_BYTES,
		tracker_dispatch(&partition->base.tracker, message->offset));
	count_backlog(kafka, backlog, count, bytes);
	begin_to_wait(kafka, partition);
}

void kafka_flow_pause(struct kafka_source *kafka, struct kafka_partition *partition, bool pause)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_resp_err_t error;

	rd_kafka_topic_partition_list_add(list, partition->base.topic, partition->base.id);
	error = pause ? rd_kafka_pause_partitions(kafka->client, list)
		      : rd_kafka_resume_partitions(kafka->client, list);
	rd_kafka_topic_partition_list_destroy(list);
	if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
		log_warning("cannot %s %s[%d]: %s", pause ? "pause" : "resume",
			partition->base.topic, (int)partition->base.id, rd_kafka_err2str(error));
	partition->paused = pause;
	log_debug("%s %s[%d], %zu records in its backlog", pause ? "paused" : "resumed",
		partition->base.topic, (int)partition->base.id, partition->backlog.count);
}

/* Not before: what waits could no longer be withdrawn. */
void kafka_flow_passed(struct kafka_partition *partition)
{
	if (partition->passed == 0 || partition->backlog.count > 0)
		return;
	tracker_pass(&partition->base.tracker, partition->passed);
	partition->passed = 0;
}

/* What the user has paused stays where it is, but that which a stop or a revocation must still run. */
static bool stands(const struct kafka_source *kafka, const struct kafka_partition *partition)
{
	return partition->user_paused && kafka_admits(kafka);
}

/* Into the lanes what has room there, in order in each. One that stops the source is the last. */
static void dispatch(struct kafka_source *kafka, struct kafka_partition *partition)
{
	struct backlog *backlog = &partition->backlog;
	size_t count = backlog->count, bytes = backlog->bytes;
	bool taking = source_taking(kafka->source);

	if (stands(kafka, partition))
		return;
	kafka->first_queue++; /* another lane is the first next time: a rate limit may let pass one record */
	for (unsigned i = 0; i < backlog->queue_count && backlog->count > 0; i++) {
		unsigned queue = (kafka->first_queue + i) % backlog->queue_count;
		struct waiting *first;

		while (source_taking(kafka->source) == taking &&
			(first = backlog_first(backlog, queue)) != NULL &&
			kafka_dispatch(kafka, partition, first->record, first))
			backlog_pop(backlog, queue);
	}
	count_backlog(kafka, backlog, count, bytes);
	kafka_flow_passed(partition);
}

static void withdraw(struct kafka_source *kafka, struct kafka_partition *partition)
{
	struct backlog *backlog = &partition->backlog;
	size_t count = backlog->count, bytes = backlog->bytes;
	rd_kafka_message_t *message;

	while ((message = backlog_withdraw(backlog, &partition->base.tracker)) != NULL) {
		rd_kafka_message_destroy(message);
		partition->passed = 0; /* it is to come again */
	}
	count_backlog(kafka, backlog, count, bytes);
}

void kafka_flow_stop(struct kafka_source *kafka)
{
	for (size_t i = 0; i < kafka->waiting_count; i++)
		withdraw(kafka, kafka->waiting[i]);
}

void kafka_flow_drop(struct kafka_source *kafka, struct kafka_partition *partition)
{
	struct backlog *backlog = &partition->backlog;
	size_t count = backlog->count, bytes = backlog->bytes;

	for (unsigned i = 0; i < backlog->queue_count; i++)
		while (backlog_first(backlog, i) != NULL)
			rd_kafka_message_destroy(backlog_pop(backlog, i));
	count_backlog(kafka, backlog, count, bytes);
	partition->passed = 0;
	if (partition->paused)
		kafka_flow_pause(kafka, partition, false);
	end_to_wait(kafka, partition);
}

/* ---- who may go on */

static bool feeds_lane(const struct kafka_source *kafka, const struct kafka_partition *partition,
	unsigned lane)
{
	return backlog_first(&partition->backlog, queue_of(lane)) == NULL &&
	       lanes_relaxed(&kafka->source->lanes, lane);
}

/* The lanes of a partition's records: its own, all by turns of a key, or any. */
static bool spreads(const struct kafka_source *kafka)
{
	return kafka->source->lanes.ordering == ORDERING_KEY && kafka->source->lanes.count > 1;
}

static unsigned only_lane(const struct kafka_source *kafka, const struct kafka_partition *partition)
{
	if (kafka->source->lanes.count == 1)
		return 0;
	return kafka->source->lanes.ordering == ORDERING_NONE ? LANE_ANY : partition->base.lane;
}

/* Whether a lane has need of this partition's next records, and may be given them. */
static bool feeds(const struct kafka_source *kafka, const struct kafka_partition *partition)
{
	if (tracker_full(&partition->base.tracker))
		return false;
	if (!spreads(kafka))
		return feeds_lane(kafka, partition, only_lane(kafka, partition));
	for (unsigned i = 0; i < kafka->source->lanes.count; i++)
		if (feeds_lane(kafka, partition, i))
			return true;
	return false;
}

/* All backlogs share one limit, in equal parts. */
static size_t share(const struct kafka_source *kafka)
{
	return kafka->waiting_count == 0 ? kafka->prefetch.backlog
					 : kafka->prefetch.backlog / kafka->waiting_count;
}

static bool is_full(const struct kafka_source *kafka, const struct kafka_partition *partition)
{
	return tracker_full(&partition->base.tracker) ||
	       kafka->backlog_bytes >= kafka->prefetch.backlog ||
	       partition->backlog.bytes >= share(kafka);
}

/* Milliseconds until the first of a partition's lanes has nothing to do, or the last of those that
 * its backlog waits for. */
static int64_t estimate(const struct kafka_source *kafka, const struct kafka_partition *partition,
	bool last, int64_t now)
{
	const struct lanes *lanes = &kafka->source->lanes;
	int64_t most = 0, least = INT64_MAX;

	if (!spreads(kafka))
		return lanes_estimate(lanes, only_lane(kafka, partition), partition->backlog.count,
			now);
	for (unsigned i = 0; i < lanes->count; i++) {
		size_t count = backlog_count(&partition->backlog, i);
		int64_t one = lanes_estimate(lanes, i, count, now);

		if (one < least)
			least = one;
		if (one > most && count > 0)
			most = one;
	}
	return last ? most : least;
}

static bool may_resume(const struct kafka_source *kafka, const struct kafka_partition *partition,
	int64_t now)
{
	return lanes_span_relaxed(&partition->base) &&
	       partition->backlog.bytes <= share(kafka) / 2 &&
	       (feeds(kafka, partition) ||
		       estimate(kafka, partition, false, now) <= RESUME_MS);
}

/* Whether the others are better off without what the client has of it. */
static bool must_pause(const struct kafka_source *kafka, const struct kafka_partition *partition,
	int64_t now)
{
	bool full = is_full(kafka, partition);

	if (!full && feeds(kafka, partition))
		return false;
	if (source_is_exact(kafka->source) && kafka->commit_pending)
		return false; /* soon the sink takes what the workers have */
	return tracker_full(&partition->base.tracker) || now - kafka->emptied >= REFRESH_MS ||
	       estimate(kafka, partition, full, now) >= PAUSE_MS;
}

static void see_need(struct kafka_source *kafka, struct kafka_partition *partition, void *argument)
{
	if (!partition->paused && !partition->user_paused && feeds(kafka, partition))
		*(bool *)argument = true;
}

/*
 * Never pauses a partition of which the client has handed out the end, or an error, last, be it in the
 * part of the batch that is not admitted yet. There is nothing to be gained, and librdkafka 2.2.0 to
 * 2.13.1 counts them, if they came in a batch, as records (#4844): after the resume the next record
 * would be missing.
 */
static void decide(struct kafka_source *kafka, int64_t now)
{
	bool need = false, full = false, waits = false;

	for (size_t i = 0; i < kafka->waiting_count; i++) {
		struct kafka_partition *partition = kafka->waiting[i];

		if (partition->user_paused) {
			if (!partition->paused && !partition->at_tail)
				kafka_flow_pause(kafka, partition, true);
			continue;
		}
		if (partition->paused || partition->backlog.count == 0)
			continue;
		if (partition->at_tail) { /* the client has nothing of it */
			waits = true;
			continue;
		}
		if (must_pause(kafka, partition, now)) {
			kafka_flow_pause(kafka, partition, true);
			continue;
		}
		waits = true;
		full = full || is_full(kafka, partition);
	}
	if (waits && !full)
		kafka_each(kafka, see_need, &need);
	kafka->hold = waits && !need;
	kafka->watch = waits;
}

static void ask_user(struct kafka_source *kafka, struct kafka_partition *partition, void *argument)
{
	(void)argument;
	kafka_flow_ask_user(kafka, partition);
}

void kafka_flow_ask_user(struct kafka_source *kafka, struct kafka_partition *partition)
{
	partition->user_paused = source_is_paused(
		kafka->source, partition->base.topic, partition->base.id);
	if (partition->user_paused)
		begin_to_wait(kafka, partition);
}

void kafka_pause(void *state)
{
	struct kafka_source *kafka = state;

	kafka_each(kafka, ask_user, NULL);
}

void kafka_flow_admit(
	struct kafka_source *kafka, struct kafka_partition *partition, rd_kafka_message_t *message)
{
	unsigned lane = lane_of(kafka, partition, message);

	if (!partition->user_paused &&
		backlog_first(&partition->backlog, queue_of(lane)) == NULL &&
		kafka_dispatch(kafka, partition, message, NULL))
		return;
	add(kafka, partition, lane, message);
	if (partition->backlog.count % 64 == 1)
		decide(kafka, clock_ms());
}

void kafka_flow_work(struct kafka_source *kafka, int64_t now)
{
	bool taking = kafka_admits(kafka);

	kafka->hold = kafka->watch = false;
	if (kafka->waiting_count == 0)
		return;
	for (size_t i = 0; i < kafka->waiting_count; i++)
		dispatch(kafka, kafka->waiting[i]);
	if (!taking)
		return;
	for (size_t i = kafka->waiting_count; i-- > 0;) {
		struct kafka_partition *partition = kafka->waiting[i];

		if (partition->user_paused)
			continue;
		if (partition->paused && may_resume(kafka, partition, now))
			kafka_flow_pause(kafka, partition, false);
		if (!partition->paused && partition->backlog.count == 0)
			end_to_wait(kafka, partition);
	}
	if (kafka->waiting_count > 1) { /* another one is the first next time */
		struct kafka_partition *first = kafka->waiting[0];

		memmove(kafka->waiting, kafka->waiting + 1,
			(kafka->waiting_count - 1) * sizeof(struct kafka_partition *));
		kafka->waiting[kafka->waiting_count - 1] = first;
	}
	decide(kafka, now);
}
