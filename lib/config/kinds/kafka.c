/* The keys that only kind kafka has. */
#include <string.h>

#include "config/kinds/kinds.h"
#include "config/types/values.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SOURCE(name) .field = offsetof(struct source_config, name)
#define SINK(name)   .field = offsetof(struct sink_config, name)
#define SECURITY(name) .field = offsetof(struct security_config, name)

enum { SECOND = 1000, HOUR = 3600 * SECOND };
enum { MIB = 1 << 20, GIB = 1 << 30 };

#define PROPERTIES_ELSEWHERE " config options settings "
#define SECURITY_ELSEWHERE " tls ssl sasl authentication credentials "
#define COMMAND_ELSEWHERE " oauth oauthbearer token tokenProvider tokenProgram sasl.oauthbearer.config "
#define BROKERS_ELSEWHERE " bootstrapServers bootstrap.servers metadata.broker.list servers hosts "

static const char *const strategies[] = {"range", "roundrobin", "sticky", NULL};
static const char *const partitioners[] = {"hash", "murmur2", "random", "manual", NULL};

static const char *const protocols[] = {
	"plaintext", "ssl", "sasl_plaintext", "sasl_ssl", NULL};
static const char *const mechanisms[] = {
	"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER", "GSSAPI", NULL};

static const char *manual_partitioner(const void *owner)
{
	const struct sink_config *sink = owner;

	return strcmp(sink->partitioner, "manual") == 0 ? " (for the manual partitioner)" : NULL;
}

static const char *without_a_list(const void *owner)
{
	return ((const struct source_config *)owner)->use != USE_LIST ? "" : NULL;
}

static const char *in_a_group(const void *owner)
{
	return ((const struct source_config *)owner)->use == USE_GROUP ? "" : NULL;
}

/* clang-format off */

static const struct key security_keys[] = {
	{.name = "protocol",
		.help = "What is spoken with the brokers.",
		.type = &protocol_type, SECURITY(protocol), .words = protocols,
		.also = " security.protocol securityProtocol "},
	{.name = "mechanism",
		.help = "How the brokers come to know who this is.",
		.type = &mechanism_type, SECURITY(mechanism), .words = mechanisms,
		.also = " sasl.mechanism sasl.mechanisms saslMechanism sasl "},
	{.name = "username",
		.help = "For PLAIN and SCRAM.",
		.type = &credential_type, SECURITY(username),
		.also = " sasl.username user name login "},
	{.name = "password",
		.help = "For PLAIN and SCRAM.",
		.type = &credential_type, SECURITY(password),
		.also = " sasl.password secret pass "},
	{.name = "ca",
		.help = "The authorities that may have signed the brokers' certificates.",
		.type = &pem_type, SECURITY(ca),
		.also = " ssl.ca.location ssl.ca.pem caFile caCert cacert truststore "},
	{.name = "certificate",
		.help = "This client's certificate and its private key, for brokers that ask for one.",
		.type = &pem_type, SECURITY(certificate),
		.also = " ssl.certificate.location ssl.certificate.pem cert certFile clientCert crt "},
	{.name = "key",
		.help = "This client's certificate and its private key, for brokers that ask for one.",
		.type = &pem_type, SECURITY(key),
		.also = " ssl.key.location ssl.key.pem keyFile privateKey clientKey "},
};

/* The section `security` of one of those that have it. */
#define SECURITY_SECTION(part, section_name, its_bit)                                              \
	{.name = section_name ".security", .keys = security_keys, .count = COUNT(security_keys),   \
		.base = offsetof(struct config, part.security), .bit = its_bit}

static const struct section source_security =
	SECURITY_SECTION(source, "source", SECTION_SOURCE);
static const struct section sink_security = SECURITY_SECTION(sink, "sink", SECTION_SINK);
static const struct section dead_letter_security =
	SECURITY_SECTION(dead_letter, "deadLetter", SECTION_SINK);

static const struct key source_keys[] = {
	{.name = "brokers",
		.help = "Addresses of some of the cluster's brokers: host or host:port.",
		.type = &brokers_type, SOURCE(brokers), .required = always_required,
		.also = BROKERS_ELSEWHERE},
	{.name = "topics",
		.help = "The topics.",
		.type = &kafka_topics_type, SOURCE(topics), .required = without_a_list},
	{.name = "consumerGroup",
		.help = "The consumer group that commits the offsets.",
		.type = &text_type, SOURCE(consumer_group), .high = 255,
		.required = in_a_group,
		.also = " group groupId group.id consumerGroupId groupName "},
	{.name = "offset",
		.help = "Where to begin in a partition for which the group has committed nothing.",
		.type = &offset_type, SOURCE(offset), .initial = "latest",
		.also = " auto.offset.reset autoOffsetReset startOffset "},
	{.name = "groupInstanceId",
		.help = "Makes this consumer a static member of its group with this name, which must "
			"be different for each running instance.",
		.type = &kafka_name_type, SOURCE(group_instance_id),
		.also = " group.instance.id instanceId "},
	{.name = "balanceStrategy",
		.help = "How partitions are divided among the group.",
		.type = &balance_type, SOURCE(balance_strategy),
		.words = strategies, .initial = "range",
		.also = " partition.assignment.strategy rebalanceStrategy "},
	{.name = "rebalanceTimeout",
		.help = "How long records under way may take when a partition moves to another instance.",
		.type = &duration_type, SOURCE(rebalance_timeout_ms),
		.low = SECOND, .high = HOUR, .initial = "60s"},
	{.name = "fireAndForget",
		.help = "true is ordering: none.",
		.type = &switch_type},
	{.name = "channelBufferSize",
		.help = "Accepted, without effect.",
		.type = &no_effect_type},
	{.name = "fetchDefaultBytes",
		.help = "How much to fetch of a partition at a time.",
		.type = &size_type, SOURCE(fetch_bytes),
		.low = 1, .high = 1000000000, .initial = "1MiB",
		.also = " fetch.message.max.bytes max.partition.fetch.bytes fetchBytes "},
	{.name = "prefetch",
		.help = "How much memory the records of all partitions may take that are fetched and "
			"not in a lane yet.",
		.type = &size_type, SOURCE(prefetch),
		.low = MIB, .high = GIB, .initial = "32MiB",
		.also = " prefetchBytes prefetchSize queued.max.messages.kbytes queuedMaxMessages "},
	{.name = "security",
		.help = "How the brokers are reached, and as whom.",
		.type = &map_type, .section = &source_security,
		.also = SECURITY_ELSEWHERE},
	{.name = "tokenCommand",
		.help = "A program that prints tokens for mechanism OAUTHBEARER.",
		.type = &command_type, SOURCE(security.token_command),
		.also = COMMAND_ELSEWHERE},
	{.name = "properties",
		.help = "Settings of librdkafka.",
		.type = &properties_type, SOURCE(properties), .initial = "{}",
		.also = PROPERTIES_ELSEWHERE},
};

/* Of sink and deadLetter. */
#define SINK_KEYS(its_security) \
	{.name = "brokers", \
		.help = "Addresses of some of the cluster's brokers, as for the source.", \
		.type = &brokers_type, SINK(brokers), .required = always_required, \
		.also = BROKERS_ELSEWHERE}, \
	{.name = "topic", \
		.help = "Where results go.", \
		.type = &kafka_name_type, SINK(topic), .required = always_required}, \
	{.name = "topics", \
		.help = "Further topics that a result may name.", \
		.type = &kafka_topics_type, SINK(topics), .initial = "[]"}, \
	{.name = "partitioner", \
		.help = "How a partition is chosen.", \
		.type = &partitioner_type, SINK(partitioner), \
		.words = partitioners, .initial = "hash"}, \
	{.name = "partition", \
		.help = "The partition for all results.", \
		.type = &partition_type, SINK(partition), \
		.low = 0, .high = INT32_MAX, .required = manual_partitioner}, \
	{.name = "security", \
		.help = "How the brokers are reached, and as whom.", \
		.type = &map_type, .section = &its_security, \
		.also = SECURITY_ELSEWHERE}, \
	{.name = "tokenCommand", \
		.help = "A program that prints tokens for mechanism OAUTHBEARER.", \
		.type = &command_type, SINK(security.token_command), \
		.also = COMMAND_ELSEWHERE}, \
	{.name = "properties", \
		.help = "Settings of librdkafka.", \
		.type = &properties_type, SINK(properties), .initial = "{}", \
		.also = PROPERTIES_ELSEWHERE},

static const struct key sink_keys[] = {SINK_KEYS(sink_security)
	{.name = "transactionalId",
		.help = "The name of the transactions with exactlyOnce, which must be different for each running instance.",
		.type = &text_type, SINK(transactional_id), .high = 255,
		.also = " transactional.id transactionId txnId "},
	{.name = "commitInterval",
		.help = "How long an output waits until it is committed, with exactlyOnce.",
		.type = &duration_type, SINK(commit_interval_ms),
		.low = 1, .high = 10 * SECOND, .initial = "100ms",
		.also = " commit.interval.ms commitIntervalMs transactionInterval "},
};
static const struct key dead_letter_keys[] = {SINK_KEYS(dead_letter_security)};

/* clang-format on */

const struct kind kafka_source = {
	.name = "kafka", .keys = source_keys, .count = COUNT(source_keys)};
const struct kind kafka_sink = {.name = "kafka", .keys = sink_keys, .count = COUNT(sink_keys)};
const struct kind kafka_dead_letter = {
	.name = "kafka", .keys = dead_letter_keys, .count = COUNT(dead_letter_keys)};
