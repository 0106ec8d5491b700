#include "bruco-source/kinds/kafka.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "kafka/client.h"
#include "kafka/token.h"

enum {
	BUDGET = 4096, /* records between two looks at lanes and link */
	BUSY_MS = 20,  /* while something waits for a lane, a commit or a rebalance */
	POLL_MS = 200, /* the longest time without asking the client */
	CLOSE_MS = 5000
};

struct kafka_topic *kafka_topic(struct kafka_source *kafka, const char *name)
{
	struct kafka_topic *topic;

	for (size_t i = 0; i < kafka->topic_count; i++)
		if (strcmp(kafka->topics[i]->name, name) == 0)
			return kafka->topics[i];
	kafka->topics =
		mem_grow(kafka->topics, kafka->topic_count + 1, sizeof(struct kafka_topic *));
	topic = mem_alloc(sizeof *topic);
	*topic = (struct kafka_topic){.name = mem_text(name), .initial_partitions = -1};
	kafka->topics[kafka->topic_count++] = topic;
	return topic;
}

struct kafka_partition *kafka_partition(struct kafka_source *kafka, const char *topic, int32_t id)
{
	struct kafka_topic *found = kafka_topic(kafka, topic);
	struct kafka_partition *partition;

	if (id >= found->partition_count) {
		found->partitions = mem_grow(
			found->partitions, (size_t)id + 1, sizeof(struct kafka_partition *));
		while (found->partition_count <= id)
			found->partitions[found->partition_count++] = NULL;
	}
	if (found->partitions[id] != NULL)
		return found->partitions[id];
	partition = mem_alloc(sizeof *partition);
	partition->base.topic = found->name;
	partition->base.topic_length = (uint32_t)strlen(topic);
	partition->base.id = id;
	partition->topic = found;
	partition->committed = partition->committing = partition->refused = partition->end =
		partition->end_answered = -1;
	backlog_init(&partition->backlog, kafka->source->lanes.count);
	found->partitions[id] = partition;
	return partition;
}

void kafka_each(struct kafka_source *kafka,
	void (*visit)(struct kafka_source *, struct kafka_partition *, void *), void *argument)
{
	for (size_t i = 0; i < kafka->topic_count; i++) {
		struct kafka_topic *topic = kafka->topics[i];

		for (int32_t id = 0; id < topic->partition_count; id++)
			if (topic->partitions[id] != NULL &&
				topic->partitions[id]->base.tracker.active)
				visit(kafka, topic->partitions[id], argument);
	}
}

struct kafka_partition *kafka_partition_of(
	struct kafka_source *kafka, const rd_kafka_message_t *message)
{
	struct kafka_topic *topic = kafka->last_topic;

	if (topic != NULL && topic->handle != message->rkt)
		topic = NULL;
	for (size_t i = 0; i < kafka->topic_count && topic == NULL; i++)
		if (kafka->topics[i]->handle == message->rkt)
			topic = kafka->topics[i];
	if (topic == NULL) {
		topic = kafka_partition(
			kafka, rd_kafka_topic_name(message->rkt), message->partition)
				->topic;
		topic->handle = message->rkt;
	}
	kafka->last_topic = topic;
	if (message->partition < 0 || message->partition >= topic->partition_count ||
		topic->partitions[message->partition] == NULL ||
		!topic->partitions[message->partition]->base.tracker.active)
		return NULL;
	return topic->partitions[message->partition];
}

void kafka_learn_cluster(struct kafka_source *kafka, int wait_ms)
{
	char *cluster = kafka->cluster != NULL ? NULL : rd_kafka_clusterid(kafka->client, wait_ms);
	size_t length = cluster == NULL ? 0 : strlen(cluster);

	if (length > 0 && length <= FRAME_SYSTEM_MAX) {
		kafka->cluster = mem_text(cluster);
		kafka->cluster_length = (uint32_t)length;
	}
	if (cluster != NULL)
		rd_kafka_mem_free(kafka->client, cluster);
}

static enum dispatch_result dispatch_message(struct kafka_source *kafka, struct kafka_partition *partition,
	const rd_kafka_message_t *message, const struct waiting *waiting)
{
	rd_kafka_timestamp_type_t kind;
	const char *unreadable;
	struct frame_record record = {.offset = message->offset,
		.timestamp = rd_kafka_message_timestamp(message, &kind),
		.partition = message->partition,
		.topic = partition->base.topic,
		.topic_length = partition->base.topic_length,
		.key = message->key,
		.key_length = message->key == NULL ? FRAME_NULL : (int32_t)message->key_len,
		.value = message->payload,
		.value_length = message->payload == NULL ? FRAME_NULL : (int32_t)message->len};
	struct passage passage = {.partition = &partition->base, .record = &record};

	if (kafka->cluster == NULL)
		kafka_learn_cluster(kafka, 0); /* it has come before any record */
	record.system = kafka->cluster;
	record.system_length = kafka->cluster_length;
	unreadable = kafka_headers_encode(message, &kafka->headers, &record.header_count);
	record.headers = kafka->headers.data;
	record.headers_length = (uint32_t)kafka->headers.length;
	partition->newest_ms = record.timestamp;
	passage.at_once = !kafka_admits(kafka);
	passage.lane = lanes_choose(&kafka->source->lanes, partition->base.lane, &record);
	if (waiting != NULL) {
		passage.waited = true;
		passage.index = waiting->index;
	}
	return source_dispatch(kafka->source, &passage, unreadable);
}

/* All records before next_offset were taken. */
static void reached(struct kafka_partition *partition, int64_t next_offset)
{
	if (partition->end >= 0 && next_offset >= partition->end)
		partition->at_end = true;
}

/* The same, but the client has reported no record: it has reached the end of the partition, or with
 * -e a record behind the end. What lies between the last record and the end is nothing to run:
 * control records of transactions, aborted or compacted ones. */
static void passed(struct kafka_partition *partition, int64_t next_offset)
{
	reached(partition, next_offset);
	partition->passed = partition->at_end ? partition->end : next_offset;
	partition->position = next_offset;
	kafka_flow_passed(partition);
}

bool kafka_dispatch(struct kafka_source *kafka, struct kafka_partition *partition,
	rd_kafka_message_t *message, const struct waiting *waiting)
{
	enum dispatch_result result = dispatch_message(kafka, partition, message, waiting);

	if (result == DISPATCH_FULL)
		return false;
	if (result == DISPATCH_OK)
		reached(partition, tracker_behind(message->offset));
	rd_kafka_message_destroy(message);
	return true;
}

/* Before it was ready, nothing is under way. */
void kafka_refused(struct kafka_source *kafka, int status, const char *why)
{
	if (!kafka->source->stage.ready)
		die(status, "%s", why);
	if (kafka->source->status == STATUS_OK)
		log_error("%s", why);
	source_drain(kafka->source, status);
}

/* Appends what the error is about, " (consumer group 'g')", where librdkafka's text does not say so. */
static void name_refused(struct kafka_source *kafka, const rd_kafka_message_t *message, struct buf *text)
{
	if (message->err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED)
		buf_printf(text, " (consumer group '%s')",
			kafka->source->config->source.consumer_group);
	else if (message->err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED &&
		 message->rkt != NULL)
		buf_printf(text, " (topic '%s')", rd_kafka_topic_name(message->rkt));
}

/* 0: the message is about no partition. */
static uint64_t place_of(const rd_kafka_message_t *message)
{
	const char *topic = message->rkt == NULL ? NULL : rd_kafka_topic_name(message->rkt);
	uint64_t place;

	if (topic == NULL || message->partition < 0)
		return 0;
	place = hash_more(HASH_START, topic, strlen(topic));
	return hash_more(place, &message->partition, sizeof message->partition);
}

static void tell_trouble(
	struct kafka_source *kafka, const rd_kafka_message_t *message, const char *text)
{
	uint64_t hash = hash_more(HASH_START, text, strlen(text));

	if (hash != kafka->trouble_text)
		kafka->trouble = (struct reminder){0};
	kafka->trouble_text = hash;
	kafka->trouble_place = place_of(message);
	if (reminder_due(&kafka->trouble, clock_ms()))
		log_warning("%s", text);
}

/* A record came, or the end of its partition. */
static void end_trouble(struct kafka_source *kafka, const rd_kafka_message_t *message)
{
	if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR &&
		message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
		return;
	if (kafka->trouble_place != 0 && kafka->trouble_place != place_of(message))
		return;
	if (reminder_over(&kafka->trouble))
		log_info("consuming again");
}

static void on_record_error(struct kafka_source *kafka, const rd_kafka_message_t *message)
{
	struct buf text = {0};
	int status = kafka_error_status(message->err);

	if (message->err == RD_KAFKA_RESP_ERR__FATAL)
		kafka_member_check_fenced(kafka);
	if (message->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART && message->rkt != NULL) {
		log_debug("%s", rd_kafka_message_errstr(message));
		kafka_topic_missing(kafka, rd_kafka_topic_name(message->rkt));
		kafka_absent(kafka, rd_kafka_topic_name(message->rkt));
		return;
	}
	buf_printf(&text, "cannot consume%s: %s", status == STATUS_OK ? " yet" : "",
		rd_kafka_message_errstr(message));
	name_refused(kafka, message, &text);
	if (status == STATUS_REFUSED)
		buf_printf(&text, " (%s)", kafka->health.whom);
	buf_byte(&text, '\0');
	if (status != STATUS_OK)
		kafka_refused(kafka, status, (const char *)text.data);
	else
		tell_trouble(kafka, message, (const char *)text.data);
	buf_release(&text);
}

static void all_at_end(struct kafka_source *kafka, struct kafka_partition *partition, void *argument)
{
	(void)kafka;
	if (!partition->at_end || partition->backlog.count > 0)
		*(bool *)argument = false;
}

static void check_end(struct kafka_source *kafka)
{
	bool all = true;

	/* A topic that does not exist ends it too, but not as if all were done. */
	if (!kafka->source->stop_at_end || !kafka->source->stage.ready || kafka->phase != PHASE_STEADY ||
		kafka->absent_count > 0)
		return;
	kafka_each(kafka, all_at_end, &all);
	if (all)
		source_end(kafka->source);
}

static void stop_partition(struct kafka_source *kafka, struct kafka_partition *partition, void *argument)
{
	(void)argument;
	if (!partition->paused)
		kafka_flow_pause(kafka, partition, true);
}

static bool is_wanted(
	const struct kafka_partition *partition, const rd_kafka_message_t *message)
{
	return message->err == RD_KAFKA_RESP_ERR_NO_ERROR &&
	       (partition->end < 0 || message->offset < partition->end); /* with -e */
}

static void admit_next(struct kafka_source *kafka)
{
	rd_kafka_message_t *message = kafka->batch[kafka->batch_at++];
	struct kafka_partition *partition;

	if (reminder_begun(&kafka->trouble))
		end_trouble(kafka, message);
	if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR &&
		message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
		on_record_error(kafka, message);
		rd_kafka_message_destroy(message);
		return;
	}
	partition = kafka_admits(kafka) ? kafka_partition_of(kafka, message) : NULL;
	if (partition != NULL && is_wanted(partition, message)) {
		partition->position = tracker_behind(message->offset);
		kafka_flow_admit(kafka, partition, message);
		return;
	}
	if (partition != NULL)
		passed(partition, message->offset);
	rd_kafka_message_destroy(message); /* not dispatched, so not committed */
}

static bool holds(const struct kafka_source *kafka)
{
	return kafka->hold && kafka_admits(kafka);
}

/* Serves the client's callbacks and takes what it has, up to the budget. The client is asked, and
 * so the assignment changed, only when its last batch was taken whole. */
static void poll_client(struct kafka_source *kafka)
{
	eventfd_t signals;

	eventfd_read(kafka->event_fd, &signals);
	kafka->more = false;
	for (int budget = BUDGET; budget > 0; budget -= BATCH_MAX) {
		if (kafka->batch_at == kafka->batch_end && (holds(kafka) || !kafka_fetch(kafka)))
			return;
		while (kafka->batch_at < kafka->batch_end) {
			if (holds(kafka))
				return;
			admit_next(kafka);
		}
	}
	kafka->more = true;
}

static void kafka_work(void *state)
{
	struct kafka_source *kafka = state;
	int64_t now = clock_ms();

	if (!source_taking(kafka->source) && !kafka->stopped) {
		kafka->stopped = true;
		kafka_each(kafka, stop_partition, NULL);
	}
	if (!kafka_admits(kafka))
		kafka_flow_stop(kafka);
	kafka_flow_work(kafka, now);
	poll_client(kafka);
	if (kafka_health_work(&kafka->health, kafka->client) != STATUS_OK)
		kafka_refused(kafka, STATUS_REFUSED, kafka->health.refusal);
	kafka_absent_work(kafka, now);
	kafka_assign_work(kafka, now);
	kafka_member_work(kafka, now);
	check_end(kafka);
	if (now >= kafka->commit_due ||
		(kafka->blamed != kafka->source->lanes.blame.count && !kafka->commit_pending)) {
		kafka->commit_due = now + KAFKA_COMMIT_MS;
		kafka->blamed = kafka->source->lanes.blame.count;
		kafka_commit_start(kafka);
	}
}

static int kafka_timeout(void *state)
{
	struct kafka_source *kafka = state;

	if (kafka->more)
		return 0;
	if (kafka->phase != PHASE_STEADY || kafka->source->draining || kafka->watch)
		return BUSY_MS;
	return clock_left(kafka->commit_due, clock_ms()) < POLL_MS
		       ? clock_left(kafka->commit_due, clock_ms())
		       : POLL_MS;
}

static int kafka_descriptor(void *state)
{
	struct kafka_source *kafka = state;

	return holds(kafka) ? -1 : kafka->event_fd; /* it must not wake us for nothing */
}

static void any_lacks(struct kafka_source *kafka, struct kafka_partition *partition, void *argument)
{
	if (kafka_commit_lacks(kafka, partition))
		*(bool *)argument = true;
}

static bool kafka_settled(void *state)
{
	struct kafka_source *kafka = state;
	bool lacks = false;

	kafka_commit_start(kafka);
	if (!kafka_commit_settled(kafka))
		return false;
	kafka_each(kafka, any_lacks, &lacks);
	if (lacks) {
		if (kafka_commit_is_over(kafka))
			log_debug("the sink ended before the last commit"); /* it says why */
		else
			log_error("the last commit was refused: records may be repeated");
		source_drain(kafka->source, STATUS_TEMPFAIL); /* it drains: this is its status */
	}
	return true;
}

static void kafka_close(void *state)
{
	struct kafka_source *kafka = state;
	int64_t deadline = clock_ms() + CLOSE_MS;
	rd_kafka_queue_t *queue;
	rd_kafka_error_t *error;

	kafka->closing = true;
	if (kafka->phase != PHASE_STEADY || !kafka_has_group(kafka))
		kafka_assign_give_up(kafka); /* the client waits for it */
	if (!kafka_has_group(kafka))
		return;
	kafka_member_leave(kafka);
	queue = rd_kafka_queue_new(kafka->client);
	error = rd_kafka_consumer_close_queue(kafka->client, queue);
	if (error != NULL) {
		rd_kafka_error_destroy(error);
		return;
	}
	while (!rd_kafka_consumer_closed(kafka->client) && clock_ms() < deadline) {
		rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 50);

		if (event == NULL)
			continue;
		/* On a queue of one's own the last revocation is an event, not a callback. */
		if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE)
			rd_kafka_assign(kafka->client, NULL);
		rd_kafka_event_destroy(event);
	}
	if (!rd_kafka_consumer_closed(kafka->client))
		log_warning("the consumer group could not be left in %d ms", CLOSE_MS);
}

void kafka_subscribe(struct kafka_source *kafka)
{
	const struct texts *topics = &kafka->source->config->source.topics;
	rd_kafka_topic_partition_list_t *list =
		rd_kafka_topic_partition_list_new((int)topics->count);
	rd_kafka_resp_err_t error;

	for (size_t i = 0; i < topics->count; i++) {
		kafka_topic(kafka, topics->items[i]);
		rd_kafka_topic_partition_list_add(list, topics->items[i], RD_KAFKA_PARTITION_UA);
	}
	error = rd_kafka_subscribe(kafka->client, list);
	rd_kafka_topic_partition_list_destroy(list);
	if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
		die(STATUS_CONFIG, "cannot subscribe: %s", rd_kafka_err2str(error));
}

/* Returns the queue of its records. */
static rd_kafka_queue_t *open_group(struct kafka_source *kafka)
{
	rd_kafka_poll_set_consumer(kafka->client);
	kafka_subscribe(kafka);
	return rd_kafka_queue_get_consumer(kafka->client);
}

static struct kafka_source *open_state(struct source *source)
{
	struct kafka_source *kafka = mem_alloc(sizeof *kafka);

	kafka_health_init(&kafka->health, &source->config->source.security,
		&source->config->source.properties);
	kafka->source = source;
	kafka->begun = 1;
	kafka->has_patterns = config_has_patterns(&source->config->source.topics);
	return kafka;
}

static void check(const struct config *config, struct buf *out)
{
	struct kafka_answers answers = {"source", &config->source.security, &config->source.properties, out};
	rd_kafka_conf_t *conf = kafka_settings(
		&config->source, config->source.group_instance_id, &answers);

	rd_kafka_conf_set_rebalance_cb(conf, kafka_on_rebalance);
	kafka_check(RD_KAFKA_CONSUMER, conf, &answers);
}

static int on_close(int fd, void *opaque)
{
	struct kafka_source *kafka = opaque;

	kafka->closed++;
	return close(fd);
}

static void *kafka_open(struct source *source)
{
	struct kafka_source *kafka = open_state(source);
	rd_kafka_conf_t *conf =
		kafka_settings(&source->config->source, kafka_member_identity(kafka), NULL);

	snprintf(kafka->session_seconds, sizeof kafka->session_seconds, "%g",
		strtod(kafka_property(conf, "session.timeout.ms"), NULL) / 1000);
	kafka->prefetch = kafka_prefetch(&source->config->source);
	kafka->emptied = clock_ms();
	rd_kafka_conf_set_opaque(conf, kafka);
	rd_kafka_conf_set_rebalance_cb(conf, kafka_on_rebalance);
	rd_kafka_conf_set_offset_commit_cb(conf, kafka_on_commit);
	if (source_is_exact(source))
		rd_kafka_conf_set_closesocket_cb(conf, on_close);
	kafka->client = kafka_client(RD_KAFKA_CONSUMER, conf);
	tokens_client(tokens_start(&source->config->source.security, &kafka->health), kafka->client);
	config_wipe_client(&source->config->source.security, &source->config->source.properties);
	kafka->queue = kafka_has_group(kafka) ? open_group(kafka) : kafka_no_group_open(kafka);
	kafka->event_fd = kafka_queue_descriptor(kafka->queue);
	kafka->subscribed_at = clock_ms();
	return kafka;
}

const struct source_kind kind_kafka = {.name = "kafka",
	.open = kafka_open,
	.descriptor = kafka_descriptor,
	.timeout = kafka_timeout,
	.work = kafka_work,
	.settled = kafka_settled,
	.cut = kafka_cut,
	.committed = kafka_cut_committed,
	.pause = kafka_pause,
	.spread = kafka_spread,
	.show = kafka_show,
	.close = kafka_close,
	.list = kafka_list,
	.check = check};
