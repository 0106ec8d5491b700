/*
 * librdkafka's settings that would defeat exactly once, as what librdkafka 2.0.2 does with each of them
 * says. Those that no guarantee bears are refused in refused_properties.c; those that librdkafka refuses
 * beside a transactional.id (retries, message.timeout.ms, socket.timeout.ms, ...) it tells when it is
 * asked (config_property_answers).
 */
#include <string.h>

#include "base/text.h"
#include "config/schema.h"
#include "config/types/values.h"

/* A request that has timed out is sent again. The first one must be cut off with its connection, which the
 * sink sees (kafka_transaction.h): otherwise it may end a later transaction, or bring back an old offset. */
static bool is_one(const char *value)
{
	int64_t number;

	return text_integer(value, 0, INT32_MAX, &number) && number == 1;
}

/* Of 0.10 and later librdkafka asks brokers for what they can do, and takes this for nothing. */
static bool is_asked(const char *value)
{
	return strncmp(value, "0.8", 3) != 0 && strncmp(value, "0.9", 3) != 0;
}

static const struct {
	const char *name;
	bool (*is_good)(const char *value);
	const char *why;
} properties[] = {
	{"socket.max.fails", is_one,
		"is 1: with the connection of a request that has timed out goes the request, which may otherwise "
		"arrive in a later transaction"},
	{"broker.version.fallback", is_asked,
		"is 0.10.0 at least: older requests know nothing of transactions, and give a source what was "
		"aborted"},
};

static void check_section(struct load *load, const char *section, const char *path)
{
	const struct node *given = yaml_tree_at(load->root, path);

	if (given == NULL || given->kind == NODE_BAD)
		return;
	for (size_t i = 0; i < sizeof properties / sizeof properties[0]; i++) {
		const struct node *node = node_find(given, properties[i].name);

		if (node != NULL && node->kind == NODE_SCALAR && !node->unresolved &&
			!properties[i].is_good(node->text))
			diag_error(load->diagnostics, node->place,
				"%s.properties: with 'processingGuarantee: exactlyOnce' '%s' %s", section,
				properties[i].name, properties[i].why);
	}
}

void exact_properties_check(struct load *load)
{
	check_section(load, "source", "source.properties");
	check_section(load, "sink", "sink.properties");
}
