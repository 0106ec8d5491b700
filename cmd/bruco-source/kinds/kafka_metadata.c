#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "bruco-source/kinds/kafka.h"

enum { HASH_TEXT = 8 };

static const char topics_key[] = " topics=";

static uint32_t hash_of(const struct kafka_topic *topic)
{
	uint64_t mix = hash_more(HASH_START, topic->name, strlen(topic->name));

	return (uint32_t)(mix ^ mix >> 32);
}

static void append_topics(
	const struct kafka_source *kafka, const struct kafka_topic *own, struct buf *text)
{
	unsigned count = 0;

	for (size_t i = 0; i < kafka->topic_count && count < METADATA_TOPICS_MAX; i++)
		if (kafka->topics[i]->begun && kafka->topics[i] != own)
			buf_printf(text, "%s%08" PRIx32, count++ == 0 ? topics_key : ",",
				hash_of(kafka->topics[i]));
}

static struct buf all_but_attempts(struct kafka_source *kafka, const struct kafka_topic *topic)
{
	struct buf text = {0};

	buf_printf(&text, "bruco partitions=%d", (int)topic->initial_partitions);
	append_topics(kafka, topic, &text);
	return text;
}

/* librdkafka frees what it is given. */
void kafka_metadata_write(struct kafka_source *kafka, rd_kafka_topic_partition_t *entry,
	const struct kafka_topic *topic, const struct attempts *attempts)
{
	struct buf text = all_but_attempts(kafka, topic);

	if (attempts != NULL)
		attempts_write(attempts, &text);
	entry->metadata = text.data;
	entry->metadata_size = text.length;
}

bool kafka_metadata_told(struct kafka_source *kafka, const rd_kafka_topic_partition_t *entry,
	const struct kafka_topic *topic)
{
	struct buf text = all_but_attempts(kafka, topic);
	const char *metadata = entry->metadata;
	bool told = entry->metadata_size >= text.length &&
		    memcmp(metadata, text.data, text.length) == 0 &&
		    (entry->metadata_size == text.length || metadata[text.length] == ' ');

	buf_release(&text);
	return told;
}

int32_t kafka_metadata_initial_partitions(const rd_kafka_topic_partition_t *entry)
{
	char text[64];
	size_t length = entry->metadata_size < sizeof text ? entry->metadata_size : sizeof text - 1;
	int initial;

	if (entry->metadata == NULL)
		return -1;
	memcpy(text, entry->metadata, length);
	text[length] = '\0';
	return sscanf(text, "bruco partitions=%d", &initial) == 1 && initial >= 0 ? initial : -1;
}

void kafka_mark_begun(struct kafka_source *kafka, struct kafka_topic *topic)
{
	if (topic->begun)
		return;
	topic->begun = true;
	kafka->begun++;
}

void kafka_metadata_read_topics(struct kafka_source *kafka, const rd_kafka_topic_partition_t *entry)
{
	size_t key = strlen(topics_key);
	const char *at, *end;

	if (entry->metadata_size == 0 || kafka_metadata_initial_partitions(entry) < 0)
		return;
	at = memmem(entry->metadata, entry->metadata_size, topics_key, key);
	end = (const char *)entry->metadata + entry->metadata_size;
	for (at = at == NULL ? end : at + key; end - at >= HASH_TEXT; at += HASH_TEXT + 1) {
		for (size_t i = 0; i < kafka->topic_count; i++) {
			char text[HASH_TEXT + 1];

			snprintf(text, sizeof text, "%08" PRIx32, hash_of(kafka->topics[i]));
			if (memcmp(at, text, HASH_TEXT) == 0)
				kafka_mark_begun(kafka, kafka->topics[i]);
		}
		if (end - at == HASH_TEXT || at[HASH_TEXT] != ',')
			return;
	}
}
