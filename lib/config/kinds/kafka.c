/* The keys that only kind kafka has. */
#include <string.h>

#include "config/kinds/kinds.h"
#include "config/types/values.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SOURCE(name) .field = offsetof(struct source_config, name)
#define SINK(name)   .field = offsetof(struct sink_config, name)

enum { SECOND = 1000, HOUR = 3600 * SECOND };
enum { MIB = 1 << 20, GIB = 1 << 30 };

#define BROKERS_ELSEWHERE " bootstrapServers bootstrap.servers metadata.broker.list servers hosts "

static const char *const strategies[] = {"range", "roundrobin", "sticky", NULL};
static const char *const partitioners[] = {"hash", "murmur2", "random", "manual", NULL};

static const char *manual_partitioner(const void *owner)
{
	const struct sink_config *sink = owner;

	return strcmp(sink->partitioner, "manual") == 0 ? " (for the manual partitioner)" : NULL;
}

/* clang-format off */

static const struct key source_keys[] = {
	{.name = "brokers", .type = &brokers_type, SOURCE(brokers), .required = always_required,
		.also = BROKERS_ELSEWHERE},
	{.name = "topics", .type = &kafka_names_type, SOURCE(topics), .required = always_required},
	{.name = "consumerGroup", .type = &text_type, SOURCE(consumer_group), .high = 255,
		.required = always_required,
		.also = " group groupId group.id consumerGroupId groupName "},
	{.name = "offset", .type = &offset_type, SOURCE(offset), .initial = "latest",
		.also = " auto.offset.reset autoOffsetReset startOffset "},
	{.name = "groupInstanceId", .type = &kafka_name_type, SOURCE(group_instance_id),
		.also = " group.instance.id instanceId "},
	{.name = "balanceStrategy", .type = &balance_type, SOURCE(balance_strategy),
		.words = strategies, .initial = "range",
		.also = " partition.assignment.strategy rebalanceStrategy "},
	{.name = "rebalanceTimeout", .type = &duration_type, SOURCE(rebalance_timeout_ms),
		.low = SECOND, .high = HOUR, .initial = "60s"},
	{.name = "fireAndForget", .type = &switch_type},
	{.name = "channelBufferSize", .type = &no_effect_type},
	{.name = "fetchDefaultBytes", .type = &size_type, SOURCE(fetch_bytes),
		.low = 1, .high = 1000000000, .initial = "1MiB",
		.also = " fetch.message.max.bytes max.partition.fetch.bytes fetchBytes "},
	{.name = "prefetch", .type = &size_type, SOURCE(prefetch),
		.low = MIB, .high = GIB, .initial = "64MiB",
		.also = " prefetchBytes prefetchSize queued.max.messages.kbytes queuedMaxMessages "},
	{.name = "properties", .type = &properties_type, SOURCE(properties), .initial = "{}",
		.also = " config options settings "},
};

static const struct key sink_keys[] = {
	{.name = "brokers", .type = &brokers_type, SINK(brokers), .required = always_required,
		.also = BROKERS_ELSEWHERE},
	{.name = "topic", .type = &kafka_name_type, SINK(topic), .required = always_required},
	{.name = "topics", .type = &kafka_names_type, SINK(topics), .initial = "[]"},
	{.name = "partitioner", .type = &partitioner_type, SINK(partitioner),
		.words = partitioners, .initial = "hash"},
	{.name = "partition", .type = &partition_type, SINK(partition),
		.low = 0, .high = INT32_MAX, .required = manual_partitioner},
	{.name = "properties", .type = &properties_type, SINK(properties), .initial = "{}",
		.also = " config options settings "},
};

/* clang-format on */

const struct kind kafka_source = {
	.name = "kafka", .keys = source_keys, .count = COUNT(source_keys)};
const struct kind kafka_sink = {.name = "kafka", .keys = sink_keys, .count = COUNT(sink_keys)};
