/* The client's properties: Bruco's defaults, and over them those of the configuration. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "bruco-source/kinds/kafka.h"
#include "kafka/client.h"

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* A size among source.properties. */
static int64_t size_property(const struct source_config *source, const char *name, int64_t without)
{
	int64_t size = without;

	for (size_t i = 0; i < source->properties.count; i++)
		if (strcmp(source->properties.items[i].name, name) == 0 &&
			!text_integer(source->properties.items[i].value, 0, INT32_MAX, &size))
			size = without;
	return size;
}

/* The bytes that one request asks for. librdkafka refuses a number below the largest message, and one
 * above what it may receive. */
static int64_t request_size(const struct source_config *source, int64_t wanted)
{
	enum { MESSAGE = 1000000, HEAD = 512 }; /* librdkafka's own */
	int64_t least = larger(larger(source->fetch_bytes, MESSAGE),
		size_property(source, "message.max.bytes", 0));
	int64_t most = size_property(source, "receive.message.max.bytes", INT32_MAX) - HEAD;

	return larger(wanted < most ? wanted : most, least);
}

/*
 * The client counts the bytes of values, of all partitions together, and records, each of which costs
 * RECORD_BYTES beside its value: so it has two limits, one for large records, one for small ones. A
 * response is unpacked as a whole, whatever the limits say: of small records it becomes 13 times as
 * much as it was.
 */
struct kafka_prefetch kafka_prefetch(const struct source_config *source)
{
	enum { RECORD_BYTES = 350 };
	int64_t total = source->prefetch;
	int64_t backlog = total / 8, half = (total - backlog) / 2;

	return (struct kafka_prefetch){.records = half / RECORD_BYTES,
		.bytes = half,
		.backlog = (size_t)backlog,
		.request = request_size(source, total / 64)};
}

rd_kafka_conf_t *kafka_settings(const struct source_config *source, const char *identity,
	struct kafka_answers *answers)
{
	char records[32], kbytes[32], request[32], fetch[32], silence[32], session[32], heartbeat[32];
	struct kafka_prefetch prefetch = kafka_prefetch(source);
	const struct kafka_default defaults[] = {{"group.id", source->consumer_group},
		{"group.instance.id", identity},
		/* The client's threads send heartbeats whatever handlers do, so a silent member is dead and
		 * can be given up soon. With a groupInstanceId this is how long its place is kept: the
		 * client's default, 45 s. */
		{"session.timeout.ms", source->group_instance_id == NULL ? session : NULL},
		/* Bounds how soon the other members hear of a rebalance. */
		{"heartbeat.interval.ms", heartbeat},
		{"partition.assignment.strategy", source->balance_strategy},
		{"enable.auto.commit", "false"}, {"enable.auto.offset.store", "false"},
		{"auto.offset.reset", "earliest"}, {"enable.partition.eof", "true"},
		{"queued.min.messages", records},
		{"queued.max.messages.kbytes", kbytes},
		{"fetch.max.bytes", request},
		{"fetch.queue.backoff.ms", KAFKA_FETCH_SLEEPS ? NULL : "20"},
		/* What a pattern does not mean: the cluster's own. */
		{"topic.blacklist", config_has_patterns(&source->topics) ? "^__" : NULL},
		{"topic.metadata.refresh.interval.ms", "30000"}, {"fetch.message.max.bytes", fetch},
		/* A response has at least one batch, whatever fetch.max.bytes says. The client would
		 * ask again and again for one that is larger than this. */
		{"receive.message.max.bytes", "2147483647"},
		/* The group waits so long for this member in a rebalance. */
		{"max.poll.interval.ms", silence}};

	snprintf(records, sizeof records, "%lld", (long long)prefetch.records);
	snprintf(kbytes, sizeof kbytes, "%lld", (long long)(prefetch.bytes / 1024));
	snprintf(request, sizeof request, "%lld", (long long)prefetch.request);
	snprintf(fetch, sizeof fetch, "%lld", (long long)source->fetch_bytes);
	snprintf(silence, sizeof silence, "%lld",
		(long long)(source->rebalance_timeout_ms + GROUP_SILENCE_MS));
	snprintf(session, sizeof session, "%d", GROUP_SESSION_MS);
	snprintf(heartbeat, sizeof heartbeat, "%d", GROUP_HEARTBEAT_MS);
	return kafka_conf(source->brokers, defaults, sizeof defaults / sizeof defaults[0],
		&source->security, &source->properties, answers);
}
