/* librdkafka's settings that a user may not set, and what clients say of the others. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/diagnostics.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char commits[] = "Bruco commits offsets itself, after delivery";
static const char delivery[] = "it stays at 'all': an offset is committed only after delivery";
static const char order[] = "the idempotent producer needs it as it is to keep the order";
static const char code[] = "it loads code into the program";
static const char callback[] = "it is for programs, not for configurations";
static const char test[] = "it is for librdkafka's own tests: no broker would get the records";
static const char share[] = "Bruco's consumers are those of a group, not of a share group";

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
	{"transactional.id", "use 'transactionalId' of the sink"},
	{"max.in.flight", order},
	{"max.in.flight.requests.per.connection", order},
	{"enable.gapless.guarantee", order},
	{"queuing.strategy", "records keep their order"},
	{"delivery.report.only.error", "Bruco acknowledges records by their delivery reports"},
	{"partitioner", "use 'partitioner' of the sink"},
	{"msg_order_cmp", callback},
	{"plugin.library.paths", code},
	{"ssl.engine.location", code},
	{"ssl.engine.id", code},
	{"ssl.providers", code},
	{"sasl.kerberos.kinit.cmd", "it runs a command"},
	{"test.mock.num.brokers", test},
	{"test.mock.broker.rtt", test},
	{"ut_handle_ProduceResponse", test},
	{"internal.termination.signal", "it sends a signal to threads of Bruco's programs"},
	{"builtin.features", "it says what librdkafka was built with"},
	{"client.software.name", "brokers are told the truth"},
	{"client.software.version", "brokers are told the truth"},
	{"max.poll.records", share},
	{"share.acknowledgement.mode", share},
	{"enable_sasl_queue", callback},
	{"log.queue", callback},
	{"enabled_events", callback},
	{"interceptors", callback},
	{"opaque", callback},
	{"default_topic_conf", callback},
	{"ssl_engine_callback_data", callback},
	{"ssl_ca", callback},
	{"ssl_certificate", callback},
	{"ssl_key", callback},
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

/* ---- values */

/* librdkafka makes `kinit -t "KEYTAB" -k PRINCIPAL` of these two and hands it to a shell, already when a
 * client is made. */
static const char in_quotes[] = "\"$`\\\n";
static const char of_principals[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@/._+:=,%-";

/* The first byte of the value that a shell would not take as it is, or NULL. */
static const char *shell_byte(const char *name, const char *value)
{
	if (strcmp(name, "sasl.kerberos.keytab") == 0)
		return strpbrk(value, in_quotes);
	if (strcmp(name, "sasl.kerberos.principal") != 0)
		return NULL;
	if (value[0] == '-')
		return value; /* an option of kinit's */
	value += strspn(value, of_principals);
	return value[0] == '\0' ? NULL : value;
}

bool config_property_value_refused(const char *name, const char *value, char why[128])
{
	const char *at = shell_byte(name, value);

	if (at == NULL)
		return false;
	if (*at > ' ' && *at < 0x7f)
		snprintf(why, 128, "librdkafka pastes it into a shell's command: no '%c' may be %s",
			*at, at == value && *at == '-' ? "its first character" : "in it");
	else
		snprintf(why, 128,
			"librdkafka pastes it into a shell's command: nothing but printable ASCII "
			"characters%s may be in it",
			strcmp(name, "sasl.kerberos.principal") == 0 ? " and no blank" : "");
	return true;
}

/* ---- what clients say */

/* What is known of a section. */
struct part {
	const struct settings *properties, *derived;
	struct config_place place;
};

static struct part part_of(const struct config *config, const char *section)
{
	const struct sink_config *sink =
		strcmp(section, "sink") == 0 ? &config->sink : &config->dead_letter;

	if (strcmp(section, "source") == 0)
		return (struct part){&config->source.properties, &config->source.security.derived,
			config->source.place};
	return (struct part){&sink->properties, &sink->security.derived, sink->place};
}

static const struct setting *find(const struct settings *settings, const char *name)
{
	for (size_t i = 0; i < settings->count; i++)
		if (strcmp(settings->items[i].name, name) == 0)
			return &settings->items[i];
	return NULL;
}

/* The property's own place, or that of the key of `security` that means it (*of then says so), or
 * that of its section. */
static struct config_place property_place(
	const struct config *config, const char *section, const char *property, const char **of)
{
	struct part part = part_of(config, section);
	const struct setting *setting = find(part.properties, property);

	*of = "properties";
	if (setting != NULL)
		return setting->place;
	setting = find(part.derived, property);
	if (setting == NULL || (setting->place.line == 0 && setting->place.override == 0))
		return part.place;
	*of = "security";
	return setting->place;
}

size_t config_property_answers(const struct config *config, const char *answers, struct buf *out)
{
	char *copy = mem_text(answers), *rest = copy, *line;
	struct diagnostics diagnostics = {0};

	while ((line = strsep(&rest, "\n")) != NULL) {
		const char *level = strsep(&line, "\t");
		const char *section = strsep(&line, "\t");
		const char *property = strsep(&line, "\t"), *of;
		struct config_place place;

		if (line == NULL)
			continue;
		place = property_place(config, section, property, &of);
		if (strcmp(level, "error") == 0)
			diag_error(&diagnostics, place, "%s.%s: %s", section, of, line);
		else
			diag_warning(&diagnostics, place, "%s.%s: %s", section, of, line);
	}
	free(copy);
	return diag_write(&diagnostics, config, out);
}
