/* The settings of librdkafka that a user may set. Each was looked at for what it runs, opens and sends, so
 * that a later librdkafka cannot bring one that runs a command and passes unseen. Those missing here
 * have their reasons in refused_properties.c; tests/unit/test_known_properties.c asks the installed
 * librdkafka for one that is in neither. */
#include <string.h>

#include "config/config.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* clang-format off */

static const char *const known[] = {
	/* 2.0.2 and earlier */
	"allow.auto.create.topics", "api.version.fallback.ms", "api.version.request",
	"api.version.request.timeout.ms", "batch.num.messages", "batch.size",
	"broker.address.family", "broker.address.ttl", "broker.version.fallback", "check.crcs",
	"client.id", "client.rack", "compression.codec", "compression.level", "compression.type",
	"connections.max.idle.ms", "consume.callback.max.messages",
	"coordinator.query.interval.ms", "debug", "delivery.timeout.ms", "enable.random.seed",
	"enable.sasl.oauthbearer.unsecure.jwt", "enable.sparse.connections",
	"enable.ssl.certificate.verification", "fetch.error.backoff.ms", "fetch.max.bytes",
	"fetch.message.max.bytes", "fetch.min.bytes", "fetch.wait.max.ms", "group.protocol.type",
	"heartbeat.interval.ms", "linger.ms", "log.connection.close", "log.thread.name",
	"log_level", "max.partition.fetch.bytes", "max.poll.interval.ms", "message.copy.max.bytes",
	"message.max.bytes", "message.send.max.retries", "message.timeout.ms",
	"metadata.max.age.ms", "metadata.request.timeout.ms", "produce.offset.report",
	"queue.buffering.backpressure.threshold", "queue.buffering.max.kbytes",
	"queue.buffering.max.messages", "queue.buffering.max.ms", "queued.max.messages.kbytes",
	"queued.min.messages", "receive.message.max.bytes", "reconnect.backoff.jitter.ms",
	"reconnect.backoff.max.ms", "reconnect.backoff.ms", "request.timeout.ms", "retries",
	"retry.backoff.ms", "sasl.jaas.config", "sasl.kerberos.keytab",
	"sasl.kerberos.min.time.before.relogin", "sasl.kerberos.principal",
	"sasl.kerberos.service.name", "sasl.mechanism", "sasl.mechanisms",
	"sasl.oauthbearer.client.id", "sasl.oauthbearer.client.secret", "sasl.oauthbearer.config",
	"sasl.oauthbearer.extensions", "sasl.oauthbearer.method", "sasl.oauthbearer.scope",
	"sasl.oauthbearer.token.endpoint.url", "sasl.password", "sasl.username",
	"security.protocol", "session.timeout.ms", "socket.blocking.max.ms",
	"socket.connection.setup.timeout.ms", "socket.keepalive.enable", "socket.max.fails",
	"socket.nagle.disable", "socket.receive.buffer.bytes", "socket.send.buffer.bytes",
	"socket.timeout.ms", "ssl.ca.certificate.stores", "ssl.ca.location", "ssl.ca.pem",
	"ssl.certificate.location", "ssl.certificate.pem", "ssl.cipher.suites", "ssl.crl.location",
	"ssl.curves.list", "ssl.endpoint.identification.algorithm", "ssl.key.location",
	"ssl.key.password", "ssl.key.pem", "ssl.keystore.location", "ssl.keystore.password",
	"ssl.sigalgs.list", "ssl.truststore.location", "statistics.interval.ms",
	"sticky.partitioning.linger.ms", "topic.blacklist", "topic.metadata.propagation.max.ms",
	"topic.metadata.refresh.fast.cnt", "topic.metadata.refresh.fast.interval.ms",
	"topic.metadata.refresh.interval.ms", "topic.metadata.refresh.sparse",
	"transaction.timeout.ms",
	/* since 2.2 */
	"client.dns.lookup", "fetch.queue.backoff.ms",
	/* since 2.3 */
	"retry.backoff.max.ms",
	/* since 2.5 */
	"enable.metrics.push",
	/* since 2.9 */
	"metadata.recovery.strategy",
	/* since 2.11 */
	"https.ca.location", "https.ca.pem", "metadata.recovery.rebootstrap.trigger.ms",
	"sasl.oauthbearer.assertion.algorithm", "sasl.oauthbearer.assertion.claim.aud",
	"sasl.oauthbearer.assertion.claim.exp.seconds", "sasl.oauthbearer.assertion.claim.iss",
	"sasl.oauthbearer.assertion.claim.jti.include",
	"sasl.oauthbearer.assertion.claim.nbf.seconds", "sasl.oauthbearer.assertion.claim.sub",
	"sasl.oauthbearer.assertion.file", "sasl.oauthbearer.assertion.jwt.template.file",
	"sasl.oauthbearer.assertion.private.key.file",
	"sasl.oauthbearer.assertion.private.key.passphrase",
	"sasl.oauthbearer.assertion.private.key.pem",
	"sasl.oauthbearer.client.credentials.client.id",
	"sasl.oauthbearer.client.credentials.client.secret", "sasl.oauthbearer.grant.type",
	/* since 2.12 */
	"sasl.oauthbearer.metadata.authentication.type",
	/* since 2.14 */
	"sasl.oauthbearer.sub.claim.name",
};

/* clang-format on */

bool config_property_known(const char *name)
{
	for (size_t i = 0; i < COUNT(known); i++)
		if (strcmp(known[i], name) == 0)
			return true;
	return false;
}
