/* The keys that only kind nats has. */
#include "config/kinds/kinds.h"
#include "config/types/values.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SOURCE(name) .field = offsetof(struct source_config, name)
#define SINK(name)   .field = offsetof(struct sink_config, name)
#define NATS(name)   .field = offsetof(struct nats_config, name)

enum { MIB = 1 << 20, GIB = 1 << 30 };

#define SERVERS_ELSEWHERE  " url urls server servers brokers natsUrl host hosts "
#define SECURITY_ELSEWHERE " tls ssl auth authentication credentials "

static const char *with_stream(const void *owner)
{
	return ((const struct source_config *)owner)->stream != NULL ? " (for the stream)" : NULL;
}

static const char *with_durable(const void *owner)
{
	return ((const struct source_config *)owner)->durable != NULL ? " (for the consumer)" : NULL;
}

/* clang-format off */

static const struct key security_keys[] = {
	{.name = "username",
		.help = "The user, and what it knows itself by.",
		.type = &text_type, NATS(username), .also = " user login "},
	{.name = "password",
		.help = "The user, and what it knows itself by.",
		.type = &text_type, NATS(password), .also = " pass secret "},
	{.name = "token",
		.help = "What a server with one token for all asks for.",
		.type = &text_type, NATS(token), .also = " authToken "},
	{.name = "credentialsFile",
		.help = "A user's JWT with its seed, as nsc writes them.",
		.type = &path_type, NATS(credentials_file),
		.also = " creds credentials credsFile userCredentials "},
	{.name = "nkey",
		.help = "A user's public key, and the file with its seed.",
		.type = &text_type, NATS(nkey), .also = " publicKey nkeyPublic "},
	{.name = "seedFile",
		.help = "A user's public key, and the file with its seed.",
		.type = &path_type, NATS(seed_file), .also = " seed nkeyFile nkeySeed "},
	{.name = "ca",
		.help = "The authorities that may have signed the servers' certificates.",
		.type = &path_type, NATS(ca), .also = " caFile caCert cacert tlsca truststore "},
	{.name = "certificate",
		.help = "This client's certificate and its private key, for servers that ask for one.",
		.type = &path_type, NATS(certificate),
		.also = " cert certFile clientCert tlscert "},
	{.name = "key",
		.help = "This client's certificate and its private key, for servers that ask for one.",
		.type = &path_type, NATS(key), .also = " keyFile privateKey clientKey tlskey "},
};

/* The section `security` of one of those that have it. */
#define SECURITY_SECTION(part, section_name, its_bit)                                                   \
	{.name = section_name ".security", .keys = security_keys, .count = COUNT(security_keys),        \
		.base = offsetof(struct config, part.nats), .bit = its_bit}

static const struct section source_security = SECURITY_SECTION(source, "source", SECTION_SOURCE);
static const struct section sink_security = SECURITY_SECTION(sink, "sink", SECTION_SINK);
static const struct section dead_letter_security =
	SECURITY_SECTION(dead_letter, "deadLetter", SECTION_SINK);

static const struct key source_keys[] = {
	{.name = "serverUrl",
		.help = "Addresses of some of the servers.",
		.type = &nats_servers_type, SOURCE(nats.servers),
		.required = always_required, .also = SERVERS_ELSEWHERE},
	{.name = "subject",
		.help = "What to subscribe to.",
		.type = &nats_pattern_type, SOURCE(subject), .required = always_required,
		.also = " topic topics subjects channel "},
	{.name = "queueGroup",
		.help = "Of all subscriptions with this name, one gets each message.",
		.type = &nats_word_type, SOURCE(queue_group),
		.also = " queue group consumerGroup queueName "},
	{.name = "pending",
		.help = "How much memory messages may take that wait for a worker.",
		.type = &size_type, SOURCE(pending), .low = MIB, .high = GIB, .initial = "64MiB",
		.also = " prefetch pendingBytes pendingLimit maxPending "},
	{.name = "stream",
		.help = "The stream of JetStream to read.",
		.type = &nats_word_type, SOURCE(stream), .required = with_durable, .also = " streamName jetstream "},
	{.name = "durable",
		.help = "The stream's consumer, which remembers what is not acknowledged.",
		.type = &nats_word_type, SOURCE(durable), .required = with_stream,
		.also = " consumer durableName consumerName "},
	{.name = "ackWait",
		.help = "After this time the server sends again what is not acknowledged.",
		.type = &duration_type, SOURCE(ack_wait_ms), .low = 1000, .high = 3600000, .initial = "30s"},
	{.name = "security",
		.help = "How the servers are reached, and as whom.",
		.type = &map_type, .section = &source_security, .also = SECURITY_ELSEWHERE},
};

/* Of sink and deadLetter. */
#define SINK_KEYS(its_security) \
	{.name = "serverUrl", \
		.help = "Addresses of some of the servers, as for the source.", \
		.type = &nats_servers_type, SINK(nats.servers), \
		.required = always_required, .also = SERVERS_ELSEWHERE}, \
	{.name = "subject", \
		.help = "Where results go.", \
		.type = &nats_subject_type, SINK(subject), .required = always_required, \
		.also = " topic channel "}, \
	{.name = "topics", \
		.help = "Further subjects that a result may name.", \
		.type = &nats_patterns_type, SINK(subjects), .initial = "[]", \
		.also = " subjects "}, \
	{.name = "stream", \
		.help = "The stream of JetStream that is to store each result.", \
		.type = &nats_word_type, SINK(stream), .also = " streamName jetstream "}, \
	{.name = "deduplicate", \
		.help = "Whether the stream is to drop what it has already, when a record is processed again.", \
		.type = &bool_type, SINK(deduplicate), .initial = "true", .flags = KEY_DEFAULT_VARIES, \
		.also = " dedupe deduplication msgId messageId "}, \
	{.name = "security", \
		.help = "How the servers are reached, and as whom.", \
		.type = &map_type, .section = &its_security, .also = SECURITY_ELSEWHERE},

static const struct key sink_keys[] = {SINK_KEYS(sink_security)};
static const struct key dead_letter_keys[] = {SINK_KEYS(dead_letter_security)};

/* clang-format on */

const struct kind nats_source = {.name = "nats", .keys = source_keys, .count = COUNT(source_keys)};
const struct kind nats_sink = {.name = "nats", .keys = sink_keys, .count = COUNT(sink_keys)};
const struct kind nats_dead_letter = {
	.name = "nats", .keys = dead_letter_keys, .count = COUNT(dead_letter_keys)};
