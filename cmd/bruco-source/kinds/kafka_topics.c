/* Topics that are subscribed and don't exist: they are waited for, and said at a growing distance;
 * with -e nothing is waited for. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "bruco-source/kinds/kafka.h"
#include "kafka/client.h"

enum {
	ASK_MS = 1000,
	LAST_LOOK_MS = 4000 /* -e: the distance after which it is no matter of a broker's start */
};

static const struct texts *subscribed(const struct kafka_source *kafka)
{
	return &kafka->source->config->source.topics;
}

void kafka_absent(struct kafka_source *kafka, const char *name)
{
	const struct texts *topics = subscribed(kafka);

	if (kafka->absent == NULL)
		kafka->absent = mem_array(topics->count, sizeof *kafka->absent);
	for (size_t i = 0; i < topics->count; i++) {
		if (strcmp(topics->items[i], name) != 0 || kafka->absent[i])
			continue;
		kafka->absent[i] = true;
		kafka->absent_count++;
		kafka->absent_reminder = (struct reminder){0}; /* it is to be said at once */
	}
}

static void end_absence(struct kafka_source *kafka, size_t i)
{
	kafka->absent[i] = false;
	kafka->absent_count--;
	log_info("topic '%s' is there now", subscribed(kafka)->items[i]);
}

void kafka_present(struct kafka_source *kafka, const char *name)
{
	const struct texts *topics = subscribed(kafka);

	for (size_t i = 0; i < topics->count && kafka->absent_count > 0; i++) {
		if (!kafka->absent[i] || !config_topic_is(topics->items[i], name))
			continue;
		end_absence(kafka, i);
	}
}

/* ---- patterns */

/* Whether this one of source.topics is a pattern, and the topic matches it. */
static bool is_match(const struct texts *topics, size_t i, const char *name)
{
	return config_is_pattern(topics->items[i]) && config_topic_is(topics->items[i], name);
}

static bool is_subscribed(const struct kafka_source *kafka, const char *name)
{
	const struct texts *topics = subscribed(kafka);

	for (size_t i = 0; i < topics->count; i++)
		if (strcmp(topics->items[i], name) == 0 ||
			(is_match(topics, i, name) && strncmp(name, "__", 2) != 0))
			return true;
	return false;
}

/* `handle`: of one topic; NULL: of all that there are. */
static bool visit_topics(struct kafka_source *kafka, rd_kafka_topic_t *handle, visit_topic *visit, void *argument)
{
	const struct rd_kafka_metadata *metadata;

	if (rd_kafka_metadata(kafka->client, handle == NULL, handle, &metadata, ASK_MS) !=
		RD_KAFKA_RESP_ERR_NO_ERROR)
		return false;
	for (int i = 0; i < metadata->topic_cnt; i++) {
		const struct rd_kafka_metadata_topic *topic = &metadata->topics[i];

		if (topic->err == RD_KAFKA_RESP_ERR_NO_ERROR && is_subscribed(kafka, topic->topic))
			visit(kafka, topic->topic, topic->partition_cnt, argument);
	}
	rd_kafka_metadata_destroy(metadata);
	return true;
}

/* Ends at the first topic for which nobody answers: the others would cost as long a wait each, and whoever
 * asks has to ask again in any case. */
bool kafka_each_topic(struct kafka_source *kafka, visit_topic *visit, void *argument)
{
	const struct texts *topics = subscribed(kafka);
	bool answered = true;

	if (kafka->has_patterns)
		return visit_topics(kafka, NULL, visit, argument);
	for (size_t i = 0; i < topics->count && answered; i++) {
		rd_kafka_topic_t *handle = rd_kafka_topic_new(kafka->client, topics->items[i], NULL);

		answered = visit_topics(kafka, handle, visit, argument);
		rd_kafka_topic_destroy(handle);
	}
	return answered;
}

bool kafka_pattern_begun(struct kafka_source *kafka, const char *name)
{
	const struct texts *topics = subscribed(kafka);

	for (size_t i = 0; i < topics->count; i++)
		if (is_match(topics, i, name) && kafka_topic(kafka, topics->items[i])->begun)
			return true;
	return false;
}

void kafka_mark_patterns(struct kafka_source *kafka, const char *name)
{
	const struct texts *topics = subscribed(kafka);

	for (size_t i = 0; i < topics->count; i++)
		if (is_match(topics, i, name))
			kafka_mark_begun(kafka, kafka_topic(kafka, topics->items[i]));
}

static void note_match(struct kafka_source *kafka, const char *name, int32_t partitions, void *argument)
{
	const struct texts *topics = subscribed(kafka);
	bool *matched = argument;

	(void)partitions;
	for (size_t i = 0; i < topics->count; i++)
		matched[i] = matched[i] || config_topic_is(topics->items[i], name);
}

/* Which patterns match a topic, as `absent` has its places; owned by the caller. NULL: no broker has answered. */
static bool *find_matches(struct kafka_source *kafka)
{
	bool *matched = mem_array(subscribed(kafka)->count, sizeof *matched);

	if (kafka_each_topic(kafka, note_match, matched))
		return matched;
	free(matched);
	return NULL;
}

/* ---- those that are waited for */

static bool exists(struct kafka_source *kafka, const char *name)
{
	rd_kafka_topic_t *handle = rd_kafka_topic_new(kafka->client, name, NULL);
	const struct rd_kafka_metadata *metadata;
	bool found = false;

	if (rd_kafka_metadata(kafka->client, 0, handle, &metadata, ASK_MS) ==
		RD_KAFKA_RESP_ERR_NO_ERROR) {
		found = metadata->topic_cnt == 1 &&
			metadata->topics[0].err == RD_KAFKA_RESP_ERR_NO_ERROR;
		rd_kafka_metadata_destroy(metadata);
	}
	rd_kafka_topic_destroy(handle);
	return found;
}

/* "topics 'a' and 'b'"; the caller frees it. */
static char *name_absent(const struct kafka_source *kafka)
{
	const struct texts *topics = subscribed(kafka);
	size_t left = kafka->absent_count;
	struct buf text = {0};
	char *names;

	buf_printf(&text, "topic%s", PLURAL(left));
	for (size_t i = 0; i < topics->count; i++) {
		if (!kafka->absent[i])
			continue;
		buf_printf(&text, " '%s'%s", topics->items[i],
			left > 2    ? ","
			: left == 2 ? " and"
				    : "");
		left--;
	}
	names = mem_text_n((const char *)text.data, text.length);
	buf_release(&text);
	return names;
}

/* Looks again for those that are missing. */
static void look(struct kafka_source *kafka)
{
	const struct texts *topics = subscribed(kafka);
	bool *matched = kafka->has_patterns ? find_matches(kafka) : NULL;
	size_t before = kafka->absent_count;

	for (size_t i = 0; i < topics->count; i++)
		if (kafka->absent[i] &&
			(config_is_pattern(topics->items[i]) ? matched != NULL && matched[i]
							     : exists(kafka, topics->items[i])))
			end_absence(kafka, i);
	free(matched);
	/* The client looks every 30 seconds only. To subscribe again costs a rebalance, which costs
	 * nothing when nothing is assigned. */
	if (kafka->absent_count < before && !kafka->source->stage.ready && kafka_has_group(kafka))
		kafka_subscribe(kafka);
}

/* Ends the source when its start has waited for long enough. Its group is no matter of this: a
 * member that has died is in it until its session ends. */
static void check_wait(struct kafka_source *kafka, int64_t now)
{
	int64_t most = kafka->source->config->max_wait_ms;
	char what[HEALTH_WAIT_MAX], *names;

	if (most == 0 || kafka->source->stage.ready || !source_taking(kafka->source) ||
		now < kafka->subscribed_at + most)
		return;
	if (kafka_health_waits(&kafka->health, kafka->client, what))
		stage_waited(most, what);
	if (kafka->absent_count == 0)
		return;
	look(kafka);
	if (kafka->absent_count == 0)
		return;
	names = name_absent(kafka);
	snprintf(what, sizeof what, "%.500s %s not exist", names,
		kafka->absent_count == 1 ? "does" : "do");
	stage_waited(most, what);
}

void kafka_absent_work(struct kafka_source *kafka, int64_t now)
{
	bool first = !reminder_begun(&kafka->absent_reminder);
	char *names;

	check_wait(kafka, now);
	if (kafka->absent_count == 0 || !source_taking(kafka->source) ||
		!reminder_due(&kafka->absent_reminder, now))
		return;
	if (!first)
		look(kafka);
	if (kafka->absent_count == 0)
		return;
	names = name_absent(kafka);
	if (kafka->source->stop_at_end && kafka->absent_reminder.wait_ms >= LAST_LOOK_MS) {
		log_error("%s %s not exist, and with -e nothing is waited for", names,
			kafka->absent_count == 1 ? "does" : "do");
		source_drain(kafka->source, STATUS_CONFIG);
	} else {
		log_warning("%s %s not exist yet, waiting", names,
			kafka->absent_count == 1 ? "does" : "do");
	}
	free(names);
}
