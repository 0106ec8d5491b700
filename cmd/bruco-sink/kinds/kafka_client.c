/* The kafka kind's producers, and what is known of its topics. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "bruco-sink/kinds/kafka.h"
#include "frame/limits.h"

enum {
	CONNECT_MS = 2000, /* one try for the topics' metadata */
	ASK_AGAIN_MS = 100,
	RETRY_MS = 500,
	CLIENT_DEFAULT = 1000000, /* of message.max.bytes; below it there would be smaller batches */
	PROVE_MS = 6 * 3600000    /* brokers forget an idle producer after 24 hours */
};

/* ---- topics */

/* Forgets which partitions were proven. */
static void prove_anew(struct kafka_sink *kafka)
{
	kafka->unproven = 0;
	for (size_t i = 0; i < kafka->topic_count; i++) {
		struct topic *topic = &kafka->topics[i];

		for (int32_t n = 0; n < topic->partitions; n++)
			topic->proven[n] = false;
		kafka->unproven += (size_t)topic->partitions;
	}
	kafka->prove_at = clock_ms() + PROVE_MS;
}

static void set_partitions(struct kafka_sink *kafka, struct topic *topic, int32_t count)
{
	if (topic->partitions == count)
		return;
	topic->proven = mem_grow(topic->proven, (size_t)count, sizeof *topic->proven);
	topic->partitions = count;
	prove_anew(kafka);
}

static rd_kafka_resp_err_t ask_partitions(struct kafka_sink *kafka, size_t index)
{
	struct topic *topic = &kafka->topics[index];
	const struct rd_kafka_metadata *metadata;
	rd_kafka_resp_err_t error =
		rd_kafka_metadata(kafka->client, 0, topic->handle, &metadata, CONNECT_MS);

	if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
		return error;
	error = metadata->topic_cnt == 1 ? metadata->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN;
	if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
		set_partitions(kafka, topic, metadata->topics[0].partition_cnt);
	rd_kafka_metadata_destroy(metadata);
	return error;
}

/* Asks the broker about a partition that is not known: it may be new. But not for each record that wants it. */
bool kafka_has_partition(struct kafka_sink *kafka, size_t index, int32_t partition)
{
	struct topic *topic = &kafka->topics[index];
	int64_t now;

	if (partition < topic->partitions)
		return true;
	now = clock_ms();
	if (topic->asked_at != 0 && now - topic->asked_at < ASK_AGAIN_MS)
		return false;
	if (ask_partitions(kafka, index) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return true;
	topic->asked_at = now;
	return partition < topic->partitions;
}

/* Trouble of the connection is kafka/health.h's to tell. */
static bool is_of_connection(rd_kafka_resp_err_t error)
{
	switch (error) {
	case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
	case RD_KAFKA_RESP_ERR__TRANSPORT:
	case RD_KAFKA_RESP_ERR__TIMED_OUT:
	case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
	case RD_KAFKA_RESP_ERR__RESOLVE:
	case RD_KAFKA_RESP_ERR__SSL:
	case RD_KAFKA_RESP_ERR__AUTHENTICATION:
		return true;
	default:
		return false;
	}
}

/* Says why a topic can't be produced to yet. */
static void tell_not_yet(struct kafka_sink *kafka, const char *topic, rd_kafka_resp_err_t error)
{
	if (kafka->missing != topic || kafka->missing_error != error)
		kafka->reminder = (struct reminder){0}; /* that is news */
	kafka->missing = topic;
	kafka->missing_error = error;
	if (is_of_connection(error))
		log_debug("cannot produce to '%s' yet: %s", topic, rd_kafka_err2str(error));
	else if (!reminder_due(&kafka->reminder, clock_ms()))
		return;
	else if (error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
		log_warning("topic '%s' does not exist yet, waiting", topic);
	else
		log_warning("cannot produce to '%s' yet: %s", topic, rd_kafka_err2str(error));
}

/* The topic that was waited for is there. */
static void tell_there(struct kafka_sink *kafka)
{
	if (reminder_over(&kafka->reminder))
		log_info(kafka->missing_error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART
				 ? "topic '%s' is there now"
				 : "topic '%s' can be produced to now",
			kafka->missing);
	kafka->missing = NULL;
}

/* Ends the sink when its start has waited for long enough. */
static void check_wait(struct kafka_sink *kafka)
{
	int64_t most = kafka->sink->config->max_wait_ms;
	char what[HEALTH_WAIT_MAX];

	if (most == 0 || kafka->sink->stage.ready || clock_ms() < kafka->opened_at + most)
		return;
	if (kafka_health_waits(&kafka->health, kafka->client, what))
		stage_waited(most, what);
	if (kafka->missing_error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
		snprintf(what, sizeof what, "topic '%s' does not exist", kafka->missing);
	else
		snprintf(what, sizeof what, "cannot produce to '%s': %s", kafka->missing,
			rd_kafka_err2str(kafka->missing_error));
	stage_waited(most, what);
}

void kafka_client_connect(struct kafka_sink *kafka)
{
	if (clock_ms() < kafka->retry_at)
		return;
	for (size_t i = 0; i < kafka->topic_count; i++) {
		rd_kafka_resp_err_t error = ask_partitions(kafka, i);
		const char *name = kafka->topics[i].name;

		if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
			if (kafka->missing == name)
				tell_there(kafka);
			continue;
		}
		if (kafka_error_status(error) != STATUS_OK)
			die(kafka_error_status(error), "cannot produce to '%s': %s (%s)", name,
				rd_kafka_err2str(error), kafka->health.whom);
		tell_not_yet(kafka, name, error);
		check_wait(kafka);
		kafka->retry_at = clock_ms() + RETRY_MS;
		return;
	}
	if (kafka->transaction != NULL && !kafka_transaction_init(kafka->transaction)) {
		check_wait(kafka);
		kafka->retry_at = clock_ms() + RETRY_MS;
		return;
	}
	kafka_health_good(&kafka->health);
	kafka->connected = true;
	destination_ready(kafka->destination);
}

/* ---- what may follow what */

/* The partition that a record will go to, or -1 when only the client knows. Only records with a key
 * always go to the same one, and only they must not overtake each other. */
static int32_t partition_of(
	const struct kafka_sink *kafka, const struct topic *topic, const struct frame_record *record)
{
	const char *partitioner = kafka->destination->config->partitioner;

	if (record->key == NULL || topic->partitions == 0)
		return -1;
	if (strcmp(partitioner, "fnv1a_random") == 0)
		return rd_kafka_msg_partitioner_fnv1a_random(topic->handle, record->key,
			(size_t)record->key_length, topic->partitions, NULL, NULL);
	if (strcmp(partitioner, "murmur2_random") == 0)
		return rd_kafka_msg_partitioner_murmur2_random(topic->handle, record->key,
			(size_t)record->key_length, topic->partitions, NULL, NULL);
	return -1;
}

bool kafka_may_produce(
	struct kafka_sink *kafka, size_t index, int32_t partition, const struct frame_record *record)
{
	const struct topic *topic = &kafka->topics[index];

	if (kafka->unproven == 0 || kafka->under_way == 0)
		return true;
	if (partition < 0)
		partition = partition_of(kafka, topic, record);
	return partition < 0 || (partition < topic->partitions && topic->proven[partition]);
}

void kafka_prove(struct kafka_sink *kafka, const rd_kafka_message_t *message)
{
	const struct topic *topic = &kafka->topics[kafka_topic_of(message)];

	if (message->partition >= topic->partitions || topic->proven[message->partition])
		return;
	topic->proven[message->partition] = true;
	kafka->unproven--;
}

/* ---- producers */

static rd_kafka_topic_t *topic_handle(struct kafka_sink *kafka, size_t index)
{
	const char *partitioner = kafka->destination->config->partitioner;
	rd_kafka_topic_conf_t *conf = rd_kafka_default_topic_conf_dup(kafka->client);
	rd_kafka_topic_t *topic;
	char why[512];

	if (strcmp(partitioner, "manual") != 0 &&
		rd_kafka_topic_conf_set(conf, "partitioner", partitioner, why, sizeof why) !=
			RD_KAFKA_CONF_OK)
		die(STATUS_CONFIG, "partitioner '%s': %s", partitioner, why);
	rd_kafka_topic_conf_set_opaque(conf, (void *)(uintptr_t)index);
	topic = rd_kafka_topic_new(kafka->client, kafka->topics[index].name, conf);
	if (topic == NULL)
		die(STATUS_CONFIG, "topic '%s': %s", kafka->topics[index].name,
			rd_kafka_err2str(rd_kafka_last_error()));
	return topic;
}

void kafka_topics_open(struct kafka_sink *kafka)
{
	const struct sink_config *sink = kafka->destination->config;

	kafka->has_patterns = config_has_patterns(&sink->topics);
	kafka->topics = mem_array(sink->topics.count + 1, sizeof *kafka->topics);
	kafka->topics[kafka->topic_count++].name = sink->topic;
	for (size_t i = 0; i < sink->topics.count; i++)
		if (!config_is_pattern(sink->topics.items[i]))
			kafka->topics[kafka->topic_count++].name = sink->topics.items[i];
}

/* ---- topics by pattern */

static bool matches_pattern(const struct kafka_sink *kafka, const char *name)
{
	const struct texts *topics = &kafka->destination->config->topics;

	for (size_t i = 0; i < topics->count; i++)
		if (config_is_pattern(topics->items[i]) && config_topic_is(topics->items[i], name))
			return true;
	return false;
}

static bool is_absent(const struct kafka_sink *kafka, const char *name)
{
	return kafka->absent != NULL && strcmp(kafka->absent, name) == 0 &&
	       clock_ms() - kafka->absent_at < ASK_AGAIN_MS;
}

/* Takes the name over if the topic exists. */
static enum kafka_found add_topic(struct kafka_sink *kafka, char *name)
{
	size_t index = kafka->topic_count;
	rd_kafka_resp_err_t error;

	kafka->topics = mem_grow(kafka->topics, index + 1, sizeof *kafka->topics);
	kafka->topics[index] = (struct topic){.name = name};
	kafka->topics[index].handle = topic_handle(kafka, index);
	kafka->topic_count++;
	error = ask_partitions(kafka, index);
	if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
		return KAFKA_FOUND;
	kafka->topic_count--;
	rd_kafka_topic_destroy(kafka->topics[index].handle);
	if (error != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART && error != RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION) {
		tell_not_yet(kafka, name, error);
		kafka->missing = NULL; /* the name goes */
		return KAFKA_NOT_NOW;
	}
	free(kafka->absent);
	kafka->absent = mem_text(name);
	kafka->absent_at = clock_ms();
	return KAFKA_ABSENT;
}

enum kafka_found kafka_topic_find(struct kafka_sink *kafka, const struct frame_record *record)
{
	enum kafka_found found = KAFKA_NOT_NOW;
	char *name;

	if (!kafka->has_patterns)
		return KAFKA_UNLISTED;
	name = mem_text_n(record->topic, record->topic_length);
	if (!matches_pattern(kafka, name))
		found = KAFKA_UNLISTED;
	else if (is_absent(kafka, name))
		found = KAFKA_ABSENT;
	else if (kafka->connected && kafka->phase == PHASE_NORMAL && !kafka->dead)
		found = add_topic(kafka, name);
	if (found != KAFKA_FOUND)
		free(name);
	return found;
}

static void set_number(rd_kafka_conf_t *conf, const char *property, size_t number)
{
	char text[24];

	snprintf(text, sizeof text, "%zu", number);
	rd_kafka_conf_set(conf, property, text, NULL, 0);
}

/* For `bruco check` any will do: the driver makes one if it is not configured. */
static const char *transactional_id(const struct sink_config *sink)
{
	return sink->transactional_id != NULL ? sink->transactional_id : "bruco";
}

/* `answers`: for kafka_client_check, else NULL. */
static rd_kafka_conf_t *configure(const struct config *config, const struct sink_config *sink,
	bool careful, struct kafka_answers *answers)
{
	char largest[32];
	/* One request a connection: when a refusal ends the producer, a half-sent request is cut off
	 * with its connection. The answer to a second request would be lost with it, and its records
	 * sent twice. */
	bool exact = config->guarantee == GUARANTEE_EXACTLY_ONCE;
	const struct kafka_default defaults[] = {{"enable.idempotence", "true"},
		/* A refusal ends a transaction, whatever else is sent of it. */
		{"max.in.flight", exact ? "5" : "1"},
		/* A record leaves at once. While its request is under way others gather, so that batches
		 * grow by themselves with the load. In a transaction nobody waits for the one record. */
		{"linger.ms", exact ? "5" : "0"},
		/* Never: a record that times out could only end the sink, and be sent again. In a
		 * transaction the client says how long, as the transaction's own time has to be longer. */
		{"message.timeout.ms", exact ? NULL : "0"}, {"message.max.bytes", largest},
		{"queue.buffering.max.messages", "500000"},
		{"queue.buffering.max.kbytes", "262144"},
		{"transactional.id", exact ? transactional_id(sink) : NULL},
		{"transaction.timeout.ms", exact ? KAFKA_TRANSACTION_MS : NULL},
		/* The commit says that all are delivered. */
		{"delivery.report.only.error", exact ? "true" : NULL},
		/* The broker ends the transaction before while the next one begins: it is asked again. */
		{"retry.backoff.ms", exact ? "20" : NULL},
		{"enable.gapless.guarantee", careful || exact ? NULL : "true"}};

	/* As large as a frame: a request has fewer bytes around a record. */
	snprintf(largest, sizeof largest, "%lld",
		(long long)config->max_record_size + LIMIT_FRAME_MORE > CLIENT_DEFAULT
			? (long long)config->max_record_size + LIMIT_FRAME_MORE
			: CLIENT_DEFAULT);
	return kafka_conf(sink->brokers, defaults, sizeof defaults / sizeof defaults[0],
		&sink->security, &sink->properties, answers);
}

void kafka_client_check(const struct config *config, const char *section,
	const struct sink_config *sink, struct buf *out)
{
	struct kafka_answers answers = {section, &sink->security, &sink->properties, out};

	kafka_check(RD_KAFKA_PRODUCER, configure(config, sink, true, &answers), &answers);
}

/* Of a transaction's last error kafka_transaction.c says more. */
static void on_error(rd_kafka_t *client, int error, const char *reason, void *opaque)
{
	struct kafka_sink *kafka = opaque;

	if (error == RD_KAFKA_RESP_ERR__FATAL)
		kafka_transaction_fatal(kafka->transaction);
	else
		kafka_error(client, error, reason, opaque);
}

static int on_close(int fd, void *opaque)
{
	const struct kafka_sink *kafka = opaque;

	kafka_transaction_closed(kafka->transaction);
	return close(fd);
}

void kafka_client_share(struct kafka_sink *kafka, struct kafka_sink *owner)
{
	kafka->guest = true;
	kafka->client = owner->client;
	kafka->transaction = owner->transaction;
	kafka->size_max = owner->size_max;
	for (size_t i = 0; i < kafka->topic_count; i++)
		kafka->topics[i].handle = topic_handle(kafka, i);
	kafka->opened_at = clock_ms();
	kafka_client_connect(kafka);
}

void kafka_client_open(struct kafka_sink *kafka, bool careful)
{
	rd_kafka_conf_t *conf =
		configure(kafka->sink->config, kafka->destination->config, careful, NULL);
	rd_kafka_queue_t *queue;
	size_t configured;

	if (careful) /* the longest that there is: only rd_kafka_flush sends */
		set_number(conf, "linger.ms", 900000);
	kafka->size_max = strtoul(kafka_property(conf, "message.max.bytes"), NULL, 10);
	configured = strtoul(kafka_property(conf, "batch.size"), NULL, 10);
	if (kafka->batch_max == 0 || kafka->batch_max >= configured)
		kafka->batch_max = configured;
	else
		set_number(conf, "batch.size", kafka->batch_max);
	rd_kafka_conf_set_opaque(conf, kafka);
	rd_kafka_conf_set_dr_msg_cb(conf, kafka_on_delivery);
	if (kafka->transaction != NULL) {
		rd_kafka_conf_set_error_cb(conf, on_error);
		rd_kafka_conf_set_closesocket_cb(conf, on_close);
	}
	kafka->client = kafka_client(RD_KAFKA_PRODUCER, conf);
	if (kafka->tokens == NULL)
		kafka->tokens =
			tokens_start(&kafka->destination->config->security, &kafka->health);
	tokens_client(kafka->tokens, kafka->client);
	queue = rd_kafka_queue_get_main(kafka->client);
	kafka->event_fd = kafka_queue_descriptor(queue);
	rd_kafka_queue_destroy(queue); /* the handle alone */
	for (size_t i = 0; i < kafka->topic_count; i++)
		kafka->topics[i].handle = topic_handle(kafka, i);
	kafka->dead = false;
	kafka->connected = false;
	prove_anew(kafka);
	kafka->retry_at = 0;
	kafka->opened_at = clock_ms();
	kafka_client_connect(kafka);
}

void kafka_client_close(struct kafka_sink *kafka)
{
	tokens_client(kafka->tokens, NULL);
	for (size_t i = 0; i < kafka->topic_count; i++)
		rd_kafka_topic_destroy(kafka->topics[i].handle);
	rd_kafka_destroy(kafka->client);
	close(kafka->event_fd);
}
