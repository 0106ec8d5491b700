/* Values that only the kafka kinds have; see values.h. */
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/text.h"
#include "config/types/values.h"

/* ---- names ---- */

/* What Kafka takes as the name of a topic (or of a group's member). */
static const char *kafka_name_problem(const char *name)
{
	if (name[0] == '^')
		return "is a pattern; patterns of topics are not supported";
	if (strlen(name) > 249)
		return "is longer than 249 characters";
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return "is not a name that Kafka allows";
	if (name[strspn(name,
		    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")] != '\0')
		return "has other characters than Kafka allows (letters, digits, '.', '_', '-')";
	return NULL;
}

static bool kafka_name_is_good(
	struct load *load, const struct key *key, const struct node *node, const char *name)
{
	const char *problem = kafka_name_problem(name);

	return problem == NULL || value_wrong(load, key, node, "'%.60s' %s", name, problem);
}

bool read_kafka_name(struct load *load, const struct key *key, const struct node *node, void *field)
{
	if (!value_line(load, key, node, "a text") ||
		!kafka_name_is_good(load, key, node, node->text))
		return false;
	config_replace(field, node->text);
	return true;
}

static bool take_name(struct load *load, const struct key *key, const struct node *item,
	const char *text, void *field)
{
	struct texts *texts = field;

	if (!kafka_name_is_good(load, key, item, text))
		return false;
	for (size_t i = 0; i < texts->count; i++)
		if (strcmp(texts->items[i], text) == 0)
			return value_wrong(load, key, item, "'%s' is given twice", text);
	texts_add(texts, text);
	return true;
}

bool read_kafka_names(
	struct load *load, const struct key *key, const struct node *node, void *field)
{
	bool empty = node->kind == NODE_LIST && node->count == 0;

	if ((empty || node_is_null(node)) && key->mistaken == 0)
		return true;
	if (empty)
		return value_wrong(load, key, node, "expected a list, found an empty one");
	return value_each(load, key, node, take_name, field);
}

/* host, host:port, [address]:port, with or without PROTOCOL:// */
static bool broker_is_good(const char *broker)
{
	const char *host = strstr(broker, "://") != NULL ? strstr(broker, "://") + 3 : broker;
	const char *colon = strrchr(host, ':');
	int64_t port;

	if (host[0] == '\0' || host[0] == ':' || strpbrk(host, " \t/") != NULL)
		return false;
	if (colon == NULL || (host[0] == '[' && host[strlen(host) - 1] == ']'))
		return true;
	return (host[0] == '[' || strchr(host, ':') == colon) &&
	       text_integer(colon + 1, 1, 65535, &port);
}

/* A broker's protocol may stand before it; then it is that of all. */
static bool is_protocol(const char *text, size_t length)
{
	static const char *const protocols[] = {"plaintext", "ssl", "sasl_plaintext", "sasl_ssl"};

	for (size_t i = 0; i < sizeof protocols / sizeof protocols[0]; i++)
		if (strlen(protocols[i]) == length && strncasecmp(text, protocols[i], length) == 0)
			return true;
	return false;
}

static bool take_broker(struct load *load, const struct key *key, const struct node *item,
	const char *text, void *field)
{
	struct buf *brokers = field;
	const char *end = strstr(text, "://");

	if (end != NULL && !is_protocol(text, (size_t)(end - text)))
		return value_wrong(load, key, item,
			"expected host:port, found '%.80s' (leave out '%.*s://')", text,
			end - text < 40 ? (int)(end - text) : 40, text);
	if (!broker_is_good(text))
		return value_wrong(load, key, item, "expected host:port, found '%.80s'", text);
	if (brokers->length > 0)
		buf_byte(brokers, ',');
	buf_text(brokers, text);
	return true;
}

bool read_brokers(struct load *load, const struct key *key, const struct node *node, void *field)
{
	struct buf brokers = {0};
	bool good;

	if (node->kind == NODE_LIST && node->count == 0)
		return value_wrong(load, key, node, "expected a list, found an empty one");
	good = value_each(load, key, node, take_broker, &brokers);
	if (good) {
		buf_byte(&brokers, '\0');
		config_replace(field, (const char *)brokers.data);
	}
	buf_release(&brokers);
	return good;
}

/* ---- where to begin, who gets what ---- */

bool read_offset(struct load *load, const struct key *key, const struct node *node, void *field)
{
	static const char what[] = "latest, earliest or a time such as 2026-01-31T12:00:00Z";
	static const char *const words[] = {"latest", "earliest"};
	struct start_offset offset;
	const char *near;

	if (!value_line(load, key, node, what))
		return false;
	if (!config_offset(node->text, &offset)) {
		near = text_nearest(node->text, words, 2);
		if (near == NULL)
			return value_expected(load, key, node, what);
		return value_wrong(load, key, node,
			"expected %s, found '%.60s' (did you mean '%s'?)", what, node->text, near);
	}
	if (offset.kind == OFFSET_NUMBER && !load->document)
		return value_wrong(load, key, node,
			"a number ('%.40s') means another record in each partition; expected %s "
			"(bruco-source -o takes a number)",
			node->text, what);
	*(struct start_offset *)field = offset;
	return true;
}

bool read_balance(struct load *load, const struct key *key, const struct node *node, void *field)
{
	static const char *const words[] = {"range", "roundrobin", "sticky", NULL};
	struct key with_words = *key;

	with_words.words = words;
	if (!read_word(load, &with_words, node, field))
		return false;
	if (strcmp(node->text, "sticky") != 0)
		return true;
	config_replace(field, "roundrobin");
	if (!load->quiet)
		diag_warning(load->diagnostics, node->place, "%s: sticky is taken as roundrobin",
			key->path);
	return true;
}

/* ---- where to ---- */

static const struct {
	const char *word;
	const char *librdkafka;
} partitioners[] = {
	{"hash", "fnv1a_random"},
	{"murmur2", "murmur2_random"},
	{"random", "random"},
	{"manual", "manual"},
};

const char *config_partitioner(const char *word)
{
	for (size_t i = 0; i < sizeof partitioners / sizeof partitioners[0]; i++)
		if (strcmp(partitioners[i].word, word) == 0)
			return partitioners[i].librdkafka;
	return NULL;
}

const char *partitioner_word(const char *librdkafka)
{
	for (size_t i = 0; i < sizeof partitioners / sizeof partitioners[0]; i++)
		if (strcmp(partitioners[i].librdkafka, librdkafka) == 0)
			return partitioners[i].word;
	return librdkafka;
}

/* Where the keys stand of the sink that has this field. */
static struct sink_places *places_of(struct load *load, const void *field)
{
	const struct sink_config *dead_letter = &load->config->dead_letter;

	return field == &dead_letter->partitioner || field == &dead_letter->partition ||
			       field == &dead_letter->topic
		       ? &load->dead_letter_places
		       : &load->sink_places;
}

bool read_partitioner(
	struct load *load, const struct key *key, const struct node *node, void *field)
{
	static const char *const words[] = {"hash", "murmur2", "random", "manual", NULL};
	struct key with_words = *key;

	with_words.words = words;
	if (!read_word(load, &with_words, node, field))
		return false;
	config_replace(field, config_partitioner(node->text));
	places_of(load, field)->partitioner = node->place;
	return true;
}

bool read_partition(struct load *load, const struct key *key, const struct node *node, void *field)
{
	uint32_t number;

	if (!read_count(load, key, node, &number))
		return false;
	*(int32_t *)field = (int32_t)number;
	places_of(load, field)->partition = node->place;
	return true;
}

bool read_topic(struct load *load, const struct key *key, const struct node *node, void *field)
{
	places_of(load, field)->topic = node->place;
	return read_kafka_name(load, key, node, field);
}

/* ---- librdkafka's own settings ---- */

static void read_property(struct load *load, const struct key *key, struct settings *settings,
	const struct entry *entry)
{
	const char *name = entry->key->text;
	const char *refused = config_property_refused(name);
	const struct node *value = entry->value;

	if (refused != NULL) {
		value_wrong(load, key, entry->key, "'%s' cannot be set here: %s", name, refused);
		return;
	}
	if (name[0] == '\0' ||
		name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-")] != '\0') {
		value_wrong(load, key, entry->key, "'%.60s' is not a setting of librdkafka", name);
		return;
	}
	if (value->kind == NODE_BAD || value->unresolved)
		return;
	if (value->kind != NODE_SCALAR || node_is_null(value))
		value_wrong(load, key, value, "expected a text for '%.60s', found %s", name,
			value->kind == NODE_MAP    ? "a map"
			: value->kind == NODE_LIST ? "a list"
						   : "nothing");
	else
		settings_set(settings, name, value->text)->place = entry->key->place;
	if (settings == &load->config->source.properties &&
		strcmp(name, "receive.message.max.bytes") == 0 &&
		text_integer(value->text, 0, INT64_MAX, &load->receive_max_bytes))
		load->receive_max = value->place;
}

bool read_properties(struct load *load, const struct key *key, const struct node *node, void *field)
{
	if (node_is_null(node))
		return true;
	if (node->kind != NODE_MAP)
		return value_expected(load, key, node, "a map such as 'compression.codec: lz4'");
	for (size_t i = 0; i < node->count; i++)
		read_property(load, key, field, &node->entries[i]);
	return true;
}
