/* librdkafka's settings that a user may not set, and names whose values are not to be shown. */
#include <string.h>
#include <strings.h>

#include "config/values.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char commits[] = "Bruco commits offsets itself, after delivery";
static const char delivery[] = "it stays at 'all': an offset is committed only after delivery";
static const char order[] = "the idempotent producer needs it as it is to keep the order";
static const char code[] = "it loads code into the program";
static const char callback[] = "it is for programs, not for configurations";

static const struct {
	const char *name;
	const char *why;
} refused[] = {
	{"bootstrap.servers", "use 'brokers'"},
	{"metadata.broker.list", "use 'brokers'"},
	{"group.id", "use 'consumerGroup'"},
	{"group.instance.id", "use 'groupInstanceId'"},
	{"partition.assignment.strategy", "use 'balanceStrategy'"},
	{"group.protocol", "Bruco's rebalances are those of the classic protocol"},
	{"group.remote.assignor", "use 'balanceStrategy'"},
	{"auto.offset.reset", "use 'offset'"},
	{"enable.auto.commit", commits},
	{"auto.commit.enable", commits},
	{"auto.commit.interval.ms", commits},
	{"enable.auto.offset.store", commits},
	{"offset.store.method", commits},
	{"offset.store.path", commits},
	{"offset.store.sync.interval.ms", commits},
	{"enable.partition.eof", "Bruco sets it when it is to stop at the end (-e)"},
	{"isolation.level", "it stays 'read_committed': aborted records are not to be processed"},
	{"enable.idempotence", "it stays on, or retries inside the client would double records"},
	{"acks", delivery},
	{"request.required.acks", delivery},
	{"transactional.id", "Bruco does not produce in transactions"},
	{"max.in.flight", order},
	{"max.in.flight.requests.per.connection", order},
	{"queuing.strategy", "records keep their order"},
	{"delivery.report.only.error", "Bruco acknowledges records by their delivery reports"},
	{"partitioner", "use 'partitioner' of the sink"},
	{"msg_order_cmp", callback},
	{"plugin.library.paths", code},
	{"ssl.engine.location", code},
	{"ssl.providers", code},
	{"sasl.kerberos.kinit.cmd", "it runs a command"},
	{"log.queue", callback},
	{"enabled_events", callback},
	{"interceptors", callback},
	{"opaque", callback},
	{"default_topic_conf", callback},
	{"ssl_engine_callback_data", callback},
};

const char *config_property_refused(const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < COUNT(refused); i++)
		if (strcmp(refused[i].name, name) == 0)
			return refused[i].why;
	if (length > 3 && strcmp(name + length - 3, "_cb") == 0)
		return callback;
	return NULL;
}

bool secret_name(const char *name)
{
	static const char *const parts[] = {"password", "passwd", "passphrase", "secret", "token",
		"credential", "private", "apikey", "api_key", "api.key", "access_key",
		"ssl.key.pem", "sasl.oauthbearer.config", "sasl.oauthbearer.extensions"};
	size_t length = strlen(name);

	for (size_t i = 0; i < COUNT(parts); i++)
		if (strcasestr(name, parts[i]) != NULL)
			return strcmp(name, "sasl.oauthbearer.token.endpoint.url") != 0;
	return (length == 3 && strcasecmp(name, "key") == 0) ||
	       (length > 4 && strcasecmp(name + length - 4, "_key") == 0);
}

/* scheme://user:password@host, or a private key by its looks */
bool secret_value(const char *value)
{
	const char *from = strstr(value, "://");
	const char *at;

	if (strstr(value, "PRIVATE KEY-----") != NULL)
		return true;
	if (from == NULL)
		return false;
	at = strchr(from, '@');
	return at != NULL && memchr(from + 3, ':', (size_t)(at - from - 3)) != NULL;
}
