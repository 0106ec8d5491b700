/* The metadata of a partition's commits, as a broker gives it back: what is read and written again is the
 * same, and nothing but numbers in their ranges is believed. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "bruco-source/kinds/kafka.h"
/* longest input: 2048 */

static void check_attempts(const char *metadata, size_t length)
{
	static struct attempts attempts, again;
	struct buf text = {0};

	attempts_read(&attempts, metadata, length);
	HOLDS(attempts.count <= ATTEMPTS_MAX);
	for (size_t i = 0; i < attempts.count; i++) {
		HOLDS(attempts.items[i].count >= 1 && attempts.items[i].count <= ATTEMPTS_COUNT_MAX);
		HOLDS(attempts.items[i].offset >= 0);
		HOLDS(i == 0 || attempts.items[i].offset > attempts.items[i - 1].offset);
	}
	attempts_write(&attempts, &text);
	HOLDS(text.length < 1024);
	attempts_read(&again, (const char *)text.data, text.length);
	HOLDS(again.count == attempts.count);
	HOLDS(memcmp(again.items, attempts.items, again.count * sizeof again.items[0]) == 0);
	buf_release(&text);
}

static void check_topics(void *metadata, size_t length)
{
	static struct kafka_topic items[2] = {{.name = "orders"}, {.name = "payments"}};
	static struct kafka_topic *topics[2] = {&items[0], &items[1]};
	struct kafka_source kafka = {.topics = topics, .topic_count = 2};
	rd_kafka_topic_partition_t entry = {.metadata = metadata, .metadata_size = length}, own = {0};
	int32_t initial = kafka_metadata_initial_partitions(&entry);

	items[0].begun = items[1].begun = false;
	kafka_metadata_read_topics(&kafka, &entry);
	HOLDS(initial >= -1);
	HOLDS(initial >= 0 || kafka.begun == 0);
	HOLDS(kafka.begun == (uint32_t)items[0].begun + items[1].begun);
	items[0].initial_partitions = initial;
	kafka_metadata_told(&kafka, &entry, &items[0]);
	if (initial < 0)
		return;
	kafka_metadata_write(&kafka, &own, &items[0], NULL);
	HOLDS(kafka_metadata_initial_partitions(&own) == initial);
	HOLDS(kafka_metadata_told(&kafka, &own, &items[0]));
	free(own.metadata);
}

FUZZ(data, length)
{
	struct fuzz_input input = {data, length};
	uint8_t *metadata = length == 0 ? NULL : fuzz_rest(&input);

	check_attempts((const char *)metadata, length);
	check_topics(metadata, length);
	free(metadata);
	return 0;
}
