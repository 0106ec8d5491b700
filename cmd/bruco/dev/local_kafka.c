#include "bruco/dev/local_kafka.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/diagnostics.h"

static bool is_kafka(const char *kind)
{
	return kind != NULL && strcmp(kind, "kafka") == 0;
}

/* Whether one of config_load's lines is about this variable. */
static bool is_missed(const char *name, const struct buf *notes)
{
	char *text = mem_printf("variable '%.60s' is not set", name);
	bool found = notes->length > 0 &&
		     memmem(notes->data, notes->length, text, strlen(text)) != NULL;

	free(text);
	return found;
}

void local_kafka_lend(const struct config *config, const struct buf *notes, struct texts *lent)
{
	for (size_t i = 0; i < config->secret_variables.count; i++) {
		const char *name = config->secret_variables.items[i];

		if (getenv(name) != NULL || !is_missed(name, notes))
			continue;
		setenv(name, "unset", 0);
		lent->items = mem_grow(lent->items, lent->count + 1, sizeof *lent->items);
		lent->items[lent->count++] = mem_text(name);
	}
}

size_t local_kafka_check(const struct config *config, struct buf *notes)
{
	const struct texts *topics = &config->source.topics;

	for (size_t i = 0; i < topics->count; i++) {
		if (!config_is_pattern(topics->items[i]))
			continue;
		diag_origin(notes, config, config->source.place);
		buf_printf(notes,
			": no topic can be made of the pattern '%.200s': name one with --set source.topics=NAME\n",
			topics->items[i]);
		return 1;
	}
	if (is_kafka(config->source.kind) || !config->source.present)
		return 0;
	diag_origin(notes, config, config->source.place);
	buf_printf(notes,
		": source.kind is '%s', which needs no broker: use 'bruco run' instead of "
		"'bruco dev'\n",
		config->source.kind);
	return 1;
}

/* ---- the replacement */

/* Whether the property is about how to reach a broker, or about a member's times in its group. */
static bool is_of_connection(const char *name)
{
	static const char *const beginnings[] = {"security.", "ssl.", "sasl.", "enable.ssl.",
		"enable.sasl.", "socket.", "broker.", "api.version.", "client.dns.",
		"client.rack", "reconnect.", "retry.backoff.", "connections.", "metadata.",
		"topic.metadata.", "resolve_cb", "session.timeout.", "heartbeat.",
		"max.poll.interval.", "fetch.wait.", "fetch.min.", "allow.auto.create."};

	for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++)
		if (strncmp(name, beginnings[i], strlen(beginnings[i])) == 0)
			return true;
	return false;
}

static void drop_properties(struct settings *properties)
{
	size_t kept = 0;

	for (size_t i = 0; i < properties->count; i++) {
		struct setting *setting = &properties->items[i];

		if (is_of_connection(setting->name)) {
			free(setting->name);
			free(setting->value);
		} else {
			properties->items[kept++] = *setting;
		}
	}
	properties->count = kept;
}

static void replace_sink(struct sink_config *sink, const char *brokers)
{
	if (!is_kafka(sink->kind))
		return;
	config_replace(&sink->brokers, brokers);
	config_security_release(&sink->security);
	drop_properties(&sink->properties);
}

void local_kafka_replace(struct config *config, const char *brokers, const char *group)
{
	struct source_config *source = &config->source;

	if (is_kafka(source->kind)) {
		config_replace(&source->brokers, brokers);
		config_security_release(&source->security);
		config_replace(&source->consumer_group, group);
		config_replace(&source->group_instance_id, NULL);
		source->offset = (struct start_offset){.kind = OFFSET_EARLIEST};
		drop_properties(&source->properties);
		config_setting(&source->properties, "session.timeout.ms=" DEV_SESSION_MS);
		config_setting(&source->properties, "max.poll.interval.ms=3600000");
		config_setting(&source->properties, "fetch.wait.max.ms=" DEV_FETCH_MS);
	}
	replace_sink(&config->sink, brokers);
	replace_sink(&config->dead_letter, brokers);
}

/* ---- what comes out */

struct outputs {
	struct local_output *items;
	size_t count, room;
};

static void add_output(struct outputs *outputs, const char *topic, int partitions, bool letters)
{
	for (size_t i = 0; i < outputs->count; i++)
		if (strcmp(outputs->items[i].topic, topic) == 0)
			return;
	if (outputs->count < outputs->room)
		outputs->items[outputs->count++] =
			(struct local_output){topic, partitions, letters};
}

static void add_sink(struct outputs *outputs, const struct sink_config *sink, bool letters)
{
	int partitions = sink->partition > 0 && sink->partition < 1000 ? sink->partition + 1 : 1;

	if (!is_kafka(sink->kind) || sink->topic == NULL)
		return;
	add_output(outputs, sink->topic, partitions, letters);
	for (size_t i = 0; i < sink->topics.count; i++)
		add_output(outputs, sink->topics.items[i], partitions, letters);
}

size_t local_kafka_outputs(const struct config *config, struct local_output *outputs, size_t room)
{
	struct outputs all = {.items = outputs, .room = room};

	add_sink(&all, &config->sink, false);
	if (config->dead_letter.present)
		add_sink(&all, &config->dead_letter, true);
	return all.count;
}
