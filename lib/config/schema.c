#include "config/schema.h"

#include <string.h>

#include "base/text.h"
#include "config/types/values.h"
#include "frame/limits.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define FIELD(name)  .field = offsetof(struct config, name)

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };
enum { KIB = 1 << 10, MIB = 1 << 20, GIB = 1 << 30 };

static const char *const source_kinds[] = {"kafka", "lines", "json", "frames", NULL};
static const char *const sink_kinds[] = {"kafka", "lines", "json", "frames", "discard", NULL};

/* clang-format off */

#define LATER(key_name, key_path, value)                                                           \
	{                                                                                          \
		.name = (key_name), .path = (key_path), .now = (value), .flags = KEY_LATER         \
	}

static const struct key retry_keys[] = {
	{.name = "attempts", .path = "processor.retry.attempts", .read = read_count,
		FIELD(processor.retry_attempts), .low = 1, .high = 1000,
		.also = " maxAttempts count max tries retries "},
	{.name = "backoff", .path = "processor.retry.backoff", .read = read_backoff,
		FIELD(processor.retry_backoff_ms), .low = 0, .high = HOUR,
		.also = " delay wait initialBackoff minBackoff interval "},
	{.name = "maxBackoff", .path = "processor.retry.maxBackoff", .read = read_duration,
		FIELD(processor.retry_max_backoff_ms), .low = 0, .high = HOUR,
		.also = " maxDelay maxWait maxInterval "},
	{.name = "except", .path = "processor.retry.except", .read = read_except,
		FIELD(processor.retry_except),
		.also = " fatal permanent nonRetryable notOn ignore exclude "},
};

static const struct section retry_section = {
	"processor.retry", retry_keys, COUNT(retry_keys), SECTION_PROCESSOR};

static const struct key batch_keys[] = {
	{.name = "size", .path = "processor.batch.size", .read = read_count,
		FIELD(processor.batch_size), .low = 1, .high = BATCH_MOST,
		.also = " maxSize count max records events "},
	{.name = "wait", .path = "processor.batch.wait", .read = read_duration,
		FIELD(processor.batch_wait_ms), .low = 0, .high = MINUTE,
		.also = " timeout maxWait linger interval "},
};

static const struct section batch_section = {
	"processor.batch", batch_keys, COUNT(batch_keys), SECTION_PROCESSOR};

static const struct key processor_keys[] = {
	{.name = "handlerPath", .path = "processor.handlerPath", .read = read_handler_path,
		FIELD(processor.handler_path), .mistaken = MISTAKEN_HANDLER,
		.also = " handlerURL handler handlerDir directory path "},
	{.name = "moduleName", .path = "processor.moduleName", .read = read_module,
		FIELD(processor.module_name), .mistaken = MISTAKEN_HANDLER,
		.also = " module handlerModule "},
	{.name = "workers", .path = "processor.workers", .read = read_workers,
		FIELD(processor.workers), .low = 1, .high = 256,
		.also = " parallelism processes replicas "},
	{.name = "env", .path = "processor.env", .read = read_env, FIELD(processor.env),
		.also = " environment variables "},
	{.name = "ordering", .path = "processor.ordering", .read = read_ordering,
		FIELD(processor.ordering)},
	{.name = "retry", .path = "processor.retry", .read = schema_read_section,
		FIELD(processor.present), /* which is true by then */
		.section = &retry_section, .also = " retries retryPolicy "},
	{.name = "timeout", .path = "processor.timeout", .read = read_duration,
		FIELD(processor.timeout_ms), .low = 1, .high = 24 * HOUR,
		.also = " eventTimeout handlerTimeout "},
	{.name = "onFailure", .path = "processor.onFailure", .read = read_on_failure,
		FIELD(processor.on_failure), .mistaken = MISTAKEN_ON_FAILURE,
		.also = " onError errorPolicy failure "},
	{.name = "concurrency", .path = "processor.concurrency", .read = read_count,
		FIELD(processor.concurrency), .low = 1, .high = CONCURRENCY_MOST,
		.also = " maxInFlight inFlight tasks "},
	{.name = "batch", .path = "processor.batch", .read = schema_read_section,
		FIELD(processor.present), /* which is true by then */
		.section = &batch_section, .also = " batches batching "},
	{.name = "maxEvents", .path = "processor.maxEvents", .read = read_count,
		FIELD(processor.max_events), .low = 1, .high = 1000000000,
		.also = " maxRequests recycleAfter "},
	{.name = "maxMemory", .path = "processor.maxMemory", .read = read_size,
		FIELD(processor.max_memory), .low = MIB, .high = 1024 * (int64_t)GIB,
		.also = " maxRss memoryLimit "},
	{.name = "python", .path = "processor.python", .read = read_python,
		FIELD(processor.python),
		.also = " venv virtualenv virtualEnv interpreter "},
	LATER("isolation", "processor.isolation", "none"),
	LATER("network", "processor.network", "true"),
	LATER("user", "processor.user", NULL),
	LATER("limits", "processor.limits", NULL),
};

static const struct key source_keys[] = {
	{.name = "kind", .path = "source.kind", .read = read_kind, FIELD(source.kind),
		.words = source_kinds, .mistaken = REQUIRED_SOURCE_KIND, .also = " type "},
	{.name = "brokers", .path = "source.brokers", .read = read_brokers, FIELD(source.brokers),
		.flags = KEY_KAFKA, .mistaken = REQUIRED_SOURCE_BROKERS,
		.also = " bootstrapServers bootstrap.servers metadata.broker.list servers hosts "},
	{.name = "topics", .path = "source.topics", .read = read_kafka_names, FIELD(source.topics),
		.flags = KEY_KAFKA, .mistaken = REQUIRED_SOURCE_TOPICS},
	{.name = "consumerGroup", .path = "source.consumerGroup", .read = read_text,
		FIELD(source.consumer_group), .high = 255, .flags = KEY_KAFKA,
		.mistaken = REQUIRED_SOURCE_GROUP,
		.also = " group groupId group.id consumerGroupId groupName "},
	{.name = "offset", .path = "source.offset", .read = read_offset, FIELD(source.offset),
		.flags = KEY_KAFKA, .also = " auto.offset.reset autoOffsetReset startOffset "},
	{.name = "groupInstanceId", .path = "source.groupInstanceId", .read = read_kafka_name,
		FIELD(source.group_instance_id), .flags = KEY_KAFKA,
		.also = " group.instance.id instanceId "},
	{.name = "balanceStrategy", .path = "source.balanceStrategy", .read = read_balance,
		FIELD(source.balance_strategy), .flags = KEY_KAFKA,
		.also = " partition.assignment.strategy rebalanceStrategy "},
	{.name = "rebalanceTimeout", .path = "source.rebalanceTimeout", .read = read_duration,
		FIELD(source.rebalance_timeout_ms), .low = SECOND, .high = HOUR, .flags = KEY_KAFKA},
	{.name = "fireAndForget", .path = "source.fireAndForget", .read = read_fire_and_forget,
		.flags = KEY_KAFKA},
	{.name = "channelBufferSize", .path = "source.channelBufferSize", .read = read_no_effect,
		.flags = KEY_KAFKA},
	{.name = "fetchDefaultBytes", .path = "source.fetchDefaultBytes", .read = read_size,
		FIELD(source.fetch_bytes), .low = 1, .high = 1000000000, .flags = KEY_KAFKA,
		.also = " fetch.message.max.bytes max.partition.fetch.bytes fetchBytes "},
	{.name = "window", .path = "source.window", .read = read_size, FIELD(source.window),
		.low = 4 * KIB, .high = GIB},
	{.name = "prefetch", .path = "source.prefetch", .read = read_size,
		FIELD(source.prefetch), .low = MIB, .high = GIB, .flags = KEY_KAFKA,
		.also = " prefetchBytes prefetchSize queued.max.messages.kbytes queuedMaxMessages "},
	{.name = "properties", .path = "source.properties", .read = read_properties,
		FIELD(source.properties), .flags = KEY_KAFKA, .also = " config options settings "},
};

/* `sink` and `deadLetter`. */
#define SINK_KEYS(part, in, required)                                                              \
	{.name = "kind", .path = in ".kind", .read = read_kind, FIELD(part.kind),                  \
		.words = sink_kinds, .mistaken = required##_KIND, .also = " type "},               \
	{.name = "brokers", .path = in ".brokers", .read = read_brokers, FIELD(part.brokers),      \
		.flags = KEY_KAFKA, .mistaken = required##_BROKERS,                                \
		.also = " bootstrapServers bootstrap.servers metadata.broker.list servers hosts "},\
	{.name = "topic", .path = in ".topic", .read = read_topic,      FIELD(part.topic),         \
		.flags = KEY_KAFKA, .mistaken = required##_TOPIC},                                 \
	{.name = "topics", .path = in ".topics", .read = read_kafka_names, FIELD(part.topics),     \
		.flags = KEY_KAFKA},                                                               \
	{.name = "partitioner", .path = in ".partitioner", .read = read_partitioner,               \
		FIELD(part.partitioner), .flags = KEY_KAFKA},                                      \
	{.name = "partition", .path = in ".partition", .read = read_partition,                     \
		FIELD(part.partition), .low = 0, .high = INT32_MAX, .flags = KEY_KAFKA,            \
		.mistaken = required##_PARTITION},                                                 \
	{.name = "properties", .path = in ".properties", .read = read_properties,                  \
		FIELD(part.properties), .flags = KEY_KAFKA, .also = " config options settings "}

static const struct key sink_keys[] = {SINK_KEYS(sink, "sink", REQUIRED_SINK)};
static const struct key dead_letter_keys[] = {
	SINK_KEYS(dead_letter, "deadLetter", REQUIRED_DEAD_LETTER)};

static const struct section processor_section = {
	"processor", processor_keys, COUNT(processor_keys), SECTION_PROCESSOR};
static const struct section source_section = {
	"source", source_keys, COUNT(source_keys), SECTION_SOURCE};
static const struct section sink_section = {"sink", sink_keys, COUNT(sink_keys), SECTION_SINK};
static const struct section dead_letter_section = {
	"deadLetter", dead_letter_keys, COUNT(dead_letter_keys), SECTION_SINK};

static const struct key top_keys[] = {
	{.name = "name", .path = "name", .read = read_text, FIELD(name), .high = 255},
	{.name = "shutdownTimeout", .path = "shutdownTimeout", .read = read_duration,
		FIELD(shutdown_timeout_ms), .low = 0, .high = 24 * HOUR},
	{.name = "maxRecordSize", .path = "maxRecordSize", .read = read_size,
		FIELD(max_record_size), .low = LIMIT_SIZE_LEAST, .high = LIMIT_SIZE_MOST},
	{.name = "maxRestarts", .path = "maxRestarts", .read = read_count, FIELD(max_restarts),
		.low = 0, .high = 1000},
	{.name = "deadLetter", .path = "deadLetter", .read = schema_read_dead_letter,
		FIELD(dead_letter.present), .section = &dead_letter_section,
		.mistaken = MISTAKEN_DEAD_LETTER,
		.also = " dlq deadLetterQueue deadLetterTopic deadLetters errors "},
	LATER("metrics", "metrics", NULL),
	{.name = "processor", .path = "processor", .read = schema_read_section,
		FIELD(processor.present), .section = &processor_section,
		.also = " handler function "},
	{.name = "source", .path = "source", .read = schema_read_section, FIELD(source.present),
		.section = &source_section, .mistaken = REQUIRED_SOURCE, .also = " input from "},
	{.name = "sink", .path = "sink", .read = schema_read_section, FIELD(sink.present),
		.section = &sink_section, .also = " output to target "},
};

/* clang-format on */

const struct section schema_top = {"", top_keys, COUNT(top_keys), 0};

/* ---- finding keys ---- */

enum { KEYS_MAX = 32 };

static const struct key *find(const struct section *section, const char *name)
{
	for (size_t i = 0; i < section->count; i++)
		if (strcmp(section->keys[i].name, name) == 0)
			return &section->keys[i];
	return NULL;
}

/* The key that others call by this name. */
static const char *known_as(const struct section *section, const char *name)
{
	char word[66];
	size_t length = strlen(name);

	if (length == 0 || length > 60 || strchr(name, ' ') != NULL)
		return NULL;
	word[0] = ' ';
	memcpy(word + 1, name, length);
	memcpy(word + 1 + length, " ", 2);
	for (size_t i = 0; i < section->count; i++)
		if (section->keys[i].also != NULL &&
			strcasestr(section->keys[i].also, word) != NULL)
			return section->keys[i].name;
	return NULL;
}

/* The name without `_` and `-`: consumer_group and consumer-group are consumerGroup. */
static void squeeze(char out[64], const char *name)
{
	size_t length = 0;

	for (; *name != '\0' && length < 63; name++)
		if (*name != '_' && *name != '-')
			out[length++] = *name;
	out[length] = '\0';
}

static const char *nearest(const struct section *section, const char *name)
{
	const char *names[KEYS_MAX];
	const char *best;
	char squeezed[64];

	for (size_t i = 0; i < section->count; i++)
		names[i] = section->keys[i].name;
	squeeze(squeezed, name);
	for (size_t i = 0; i < section->count; i++)
		if (strcasecmp(squeezed, names[i]) == 0)
			return names[i];
	best = known_as(section, name);
	return best != NULL ? best : text_nearest(name, names, section->count);
}

/* Where else a key of exactly this name belongs; NULL: nowhere. */
static const char *elsewhere(const struct section *section, const char *name)
{
	if (section != &schema_top && find(&schema_top, name) != NULL)
		return "the top level";
	if (section != &processor_section && find(&processor_section, name) != NULL)
		return "'processor'";
	if (section != &retry_section && find(&retry_section, name) != NULL)
		return "'processor.retry'";
	if (section != &batch_section && find(&batch_section, name) != NULL)
		return "'processor.batch'";
	if (section != &source_section && find(&source_section, name) != NULL)
		return section == &sink_section || find(&sink_section, name) == NULL
			       ? "'source'"
			       : "'source' or 'sink'";
	if (section != &sink_section && find(&sink_section, name) != NULL)
		return "'sink'";
	return NULL;
}

/* `topic` and `topics`: nearer than the same word in another section. */
static bool alike(const char *a, const char *b)
{
	size_t length = strlen(a) < strlen(b) ? strlen(a) : strlen(b);

	return strncasecmp(a, b, length) == 0;
}

void schema_unknown(struct load *load, const struct section *section, const struct node *key)
{
	const char *name = key->text;
	const char *other = elsewhere(section, name);
	const char *near = nearest(section, name);
	const char *in = section == &schema_top ? "" : " in ";

	if (near != NULL && (other == NULL || known_as(section, name) != NULL || alike(name, near)))
		diag_error(load->diagnostics, key->place,
			"unknown key '%.60s'%s%s (did you mean '%s'?)", name, in, section->name,
			near);
	else if (other != NULL)
		diag_error(load->diagnostics, key->place,
			"unknown key '%.60s'%s%s (it belongs to %s)", name, in, section->name,
			other);
	else if (strchr(name, '.') != NULL && find(section, "properties") != NULL)
		diag_error(load->diagnostics, key->place,
			"unknown key '%.60s' in %s (settings of librdkafka belong to "
			"'%s.properties')",
			name, section->name, section->name);
	else
		diag_error(load->diagnostics, key->place, "unknown key '%.60s'%s%s", name, in,
			section->name);
}

/* ---- reading ---- */

static bool has_unresolved(const struct node *node)
{
	if (node->unresolved)
		return true;
	for (size_t i = 0; i < node->count; i++)
		if (node->kind == NODE_LIST && has_unresolved(node->entries[i].value))
			return true;
	return false;
}

static void read_key(struct load *load, const struct key *key, const struct entry *entry)
{
	const struct node *value = entry->value;
	bool good;

	if (key->flags & KEY_LATER) {
		if (value->kind == NODE_BAD || value->unresolved)
			return;
		if (key->now != NULL && value->kind == NODE_SCALAR &&
			strcmp(value->text, key->now) == 0)
			return;
		if (key->now != NULL && value->kind == NODE_SCALAR && !node_is_null(value))
			diag_error(load->diagnostics, entry->key->place,
				"'%s: %.60s' is not supported yet (only '%s')", key->path,
				value->text, key->now);
		else
			diag_error(load->diagnostics, entry->key->place,
				"'%s' is not supported yet", key->path);
		return;
	}
	if (has_unresolved(value))
		good = false; /* nothing is known about it, nothing is missing */
	else
		good = value->kind != NODE_BAD &&
		       key->read(load, key, value, (char *)load->config + key->field);
	if (!good)
		load->config->mistaken |= key->mistaken;
}

/* The kind's name, or NULL when it is absent or not known here. */
static const char *kind_of(const struct section *section, const struct node *map)
{
	const struct node *kind = node_find(map, "kind");

	if (find(section, "kind") == NULL || kind == NULL || kind->kind != NODE_SCALAR ||
		kind->unresolved)
		return NULL;
	return kind->text;
}

static bool is_word(const char *const *words, const char *text)
{
	for (; *words != NULL; words++)
		if (strcmp(text, *words) == 0)
			return true;
	return false;
}

void schema_read(struct load *load, const struct section *section, const struct node *map)
{
	const char *kind = kind_of(section, map);
	bool foreign = kind != NULL && kind_is_foreign(kind);
	bool plain = kind != NULL && strcmp(kind, "kafka") != 0 &&
		     is_word(find(section, "kind")->words, kind);

	for (size_t i = 0; i < map->count; i++) {
		const struct entry *entry = &map->entries[i];
		const struct key *key = find(section, entry->key->text);

		if (key == NULL) {
			if (!foreign) /* else it may well be a key of that kind */
				schema_unknown(load, section, entry->key);
		} else if ((key->flags & KEY_KAFKA) && plain) {
			diag_error(load->diagnostics, entry->key->place,
				"'%s' is a key of kind 'kafka', not of kind '%s'", key->path, kind);
		} else {
			read_key(load, key, entry);
		}
	}
}

bool schema_read_section(
	struct load *load, const struct key *key, const struct node *node, void *field)
{
	bool *present = field;
	bool quiet = load->quiet;

	if (node->kind != NODE_MAP && !node_is_null(node))
		return value_expected(load, key, node, "a map of keys");
	*present = true;
	load->quiet = quiet || (key->section->bit != 0 && !(key->section->bit & load->sections));
	schema_read(load, key->section, node);
	load->quiet = quiet;
	return true;
}

bool schema_read_dead_letter(
	struct load *load, const struct key *key, const struct node *node, void *field)
{
	load->dead_letter = node->place;
	return schema_read_section(load, key, node, field);
}
