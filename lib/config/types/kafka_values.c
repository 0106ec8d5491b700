/* Values that only the kafka kinds have; see values.h. */
#include <regex.h>
#include <string.h>
#include <strings.h>

#include "base/format.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/dump.h"
#include "config/json_schema.h"
#include "config/types/values.h"

/* ---- names ---- */

/* What is wrong with the name of a topic (or of a group's member), or NULL. */
static const char *kafka_name_problem(const char *name)
{
	if (name[0] == '^')
		return "is a pattern, which only 'topics' may have";
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

	return problem == NULL || value_wrong(load, key, node, "'%.60s' %s",
					     value_part(node, name), problem);
}

static bool read_kafka_name(
	struct load *load, const struct key *key, const struct node *node, void *field)
{
	if (!value_line(load, key, node, "a text") ||
		!kafka_name_is_good(load, key, node, node->text))
		return false;
	config_replace(field, node->text);
	return true;
}

#define KAFKA_NAME "(?!\\.{1,2}(?: *,| *$))[A-Za-z0-9._-]{1,249}"

static void kafka_name_forms(struct forms *forms, const struct key *key)
{
	(void)key;
	form_pattern(forms, "^" KAFKA_NAME "$");
	form_json(forms, "{\"type\": [\"number\", \"boolean\"]}");
}

const struct value_type kafka_name_type = {
	.read = read_kafka_name,
	.forms = kafka_name_forms,
	.write = text_write, .is_set = text_is_set, .clear = text_clear};

static bool add_name(struct load *load, const struct key *key, const struct node *item,
	const char *text, void *field)
{
	struct texts *texts = field;

	for (size_t i = 0; i < texts->count; i++)
		if (strcmp(texts->items[i], text) == 0)
			return value_wrong(load, key, item, "'%s' is given twice",
				value_part(item, text));
	texts_add(texts, text);
	return true;
}

static bool take_name(struct load *load, const struct key *key, const struct node *item,
	const char *text, void *field)
{
	return kafka_name_is_good(load, key, item, text) && add_name(load, key, item, text, field);
}

static bool pattern_is_good(
	struct load *load, const struct key *key, const struct node *node, const char *text)
{
	regex_t pattern;
	char why[128];
	int error = regcomp(&pattern, text, REG_EXTENDED | REG_NOSUB);

	if (error == 0) {
		regfree(&pattern);
		return true;
	}
	regerror(error, &pattern, why, sizeof why);
	return value_wrong(load, key, node, "'%.60s' is no regular expression: %s", value_part(node, text), why);
}

static bool take_topic(struct load *load, const struct key *key, const struct node *item,
	const char *text, void *field)
{
	return config_is_pattern(text) ? pattern_is_good(load, key, item, text) && add_name(load, key, item, text, field)
				       : take_name(load, key, item, text, field);
}

static bool read_kafka_topics(
	struct load *load, const struct key *key, const struct node *node, void *field)
{
	bool empty = node->kind == NODE_LIST && node->count == 0;

	if ((empty || node_is_null(node)) && key->required == NULL)
		return true;
	if (empty)
		return value_wrong(load, key, node, "expected a list, found an empty one");
	return value_each(load, key, node, take_topic, field);
}

static void kafka_topics_forms(struct forms *forms, const struct key *key)
{
	form_list(forms, KAFKA_NAME "|\\^[^,]*", "\"number\", \"boolean\"", key->required == NULL);
}

const struct value_type kafka_topics_type = {.read = read_kafka_topics,
	.forms = kafka_topics_forms,
	.write = texts_write,
	.is_set = texts_are_set,
	.clear = texts_clear};

/* ---- brokers ---- */

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

/* Whether this is a protocol, as it may stand before a broker. */
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
	bool foreign = end != NULL && !is_protocol(text, (size_t)(end - text));

	if (foreign && item->shown == NULL)
		return value_wrong(load, key, item,
			"expected host:port, found '%.80s' (leave out '%.*s://')", text,
			end - text < 40 ? (int)(end - text) : 40, text);
	if (foreign || !broker_is_good(text))
		return value_wrong(load, key, item, "expected host:port, found '%.80s'",
			value_part(item, text));
	if (brokers->length > 0)
		buf_byte(brokers, ',');
	buf_text(brokers, text);
	return true;
}

static bool read_brokers(
	struct load *load, const struct key *key, const struct node *node, void *field)
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

static void write_brokers(struct dump *dump, const struct key *key, const void *field)
{
	struct texts texts = {0};

	config_texts(&texts, *(char *const *)field);
	texts_write(dump, key, &texts);
	texts_release(&texts);
}

static void brokers_forms(struct forms *forms, const struct key *key)
{
	(void)key;
	form_list(forms,
		"(?:(?:plaintext|ssl|sasl_plaintext|sasl_ssl|PLAINTEXT|SSL|SASL_PLAINTEXT|SASL_SSL)://)?"
		"(?:\\[[^\\s,/\\]]+\\]|[^\\s,/:\\[][^\\s,/:]*)(?::[0-9]{1,5})?",
		"\"number\", \"boolean\"", false);
}

const struct value_type brokers_type = {
	.read = read_brokers,
	.forms = brokers_forms,
	.write = write_brokers, .is_set = text_is_set, .clear = text_clear};

/* ---- where to begin, who gets what ---- */

static bool read_offset(
	struct load *load, const struct key *key, const struct node *node, void *field)
{
	static const char what[] =
		"latest, earliest, -N (N before the end) or a time such as 2026-01-31T12:00:00Z";
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
			"expected %s, found '%.60s' (did you mean '%s'?)", what,
			node_shown(node), near);
	}
	if (offset.kind == OFFSET_NUMBER && !load->from_dump)
		return value_wrong(load, key, node,
			"a number ('%.40s') means another record in each partition; expected %s "
			"(bruco-source -o takes a number)",
			node_shown(node), what);
	*(struct start_offset *)field = offset;
	return true;
}

static void write_offset(struct dump *dump, const struct key *key, const void *field)
{
	const struct start_offset *offset = field;
	char text[32];

	(void)key;
	switch (offset->kind) {
	case OFFSET_LATEST:
		dump_scalar(dump, "latest");
		break;
	case OFFSET_EARLIEST:
		dump_scalar(dump, "earliest");
		break;
	case OFFSET_NUMBER:
		dump_number(dump, offset->value);
		break;
	case OFFSET_BEFORE_END:
		dump_number(dump, -offset->value);
		break;
	case OFFSET_TIME:
		format_time(text, offset->value);
		dump_scalar(dump, text);
		break;
	}
}

static void offset_forms(struct forms *forms, const struct key *key)
{
	(void)key;
	form_words(forms, (const char *const[]){"latest", "earliest", NULL});
	form_json(forms, "{\"type\": \"integer\", \"maximum\": -1}");
	form_pattern(forms, "^(?:@[0-9]+|-[1-9][0-9]*|[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}"
			    "(?::[0-9]{2})?(?:\\.[0-9]+)?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})?)?)$");
}

const struct value_type offset_type = {.read = read_offset, .forms = offset_forms, .write = write_offset};

static bool read_balance(
	struct load *load, const struct key *key, const struct node *node, void *field)
{
	size_t index;

	if (!value_word(load, key, node, key->words, &index))
		return false;
	config_replace(field, node->text);
	if (strcmp(node->text, "sticky") != 0)
		return true;
	config_replace(field, "roundrobin");
	if (!load->quiet)
		diag_warning(load->diagnostics, node->place, "%s: sticky is taken as roundrobin",
			load->path);
	return true;
}

const struct value_type balance_type = {
	.read = read_balance,
	.forms = word_forms,
	.write = text_write, .is_set = text_is_set, .clear = text_clear};

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

static const char *word_of(const char *librdkafka)
{
	for (size_t i = 0; i < sizeof partitioners / sizeof partitioners[0]; i++)
		if (strcmp(partitioners[i].librdkafka, librdkafka) == 0)
			return partitioners[i].word;
	return librdkafka;
}

static bool read_partitioner(
	struct load *load, const struct key *key, const struct node *node, void *field)
{
	size_t index;

	if (!value_word(load, key, node, key->words, &index))
		return false;
	config_replace(field, config_partitioner(node->text));
	return true;
}

static void write_partitioner(struct dump *dump, const struct key *key, const void *field)
{
	(void)key;
	dump_scalar(dump, word_of(*(char *const *)field));
}

const struct value_type partitioner_type = {.read = read_partitioner,
	.forms = word_forms,
	.write = write_partitioner,
	.is_set = text_is_set,
	.clear = text_clear};

static bool read_partition(
	struct load *load, const struct key *key, const struct node *node, void *field)
{
	uint32_t number;

	if (!read_count(load, key, node, &number))
		return false;
	*(int32_t *)field = (int32_t)number;
	return true;
}

static void write_partition(struct dump *dump, const struct key *key, const void *field)
{
	(void)key;
	dump_number(dump, *(const int32_t *)field);
}

static bool partition_is_set(const void *field)
{
	return *(const int32_t *)field >= 0;
}

static void partition_clear(void *field)
{
	*(int32_t *)field = -1;
}

const struct value_type partition_type = {.read = read_partition,
	.forms = count_forms,
	.write = write_partition,
	.is_set = partition_is_set,
	.clear = partition_clear};
