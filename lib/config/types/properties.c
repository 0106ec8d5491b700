/* librdkafka's own settings; see values.h. */
#include <string.h>

#include "config/dump.h"
#include "config/secrets.h"
#include "config/types/values.h"

/* False: the value must not reach a client, not even to be checked. */
static bool read_property(struct load *load, const struct key *key, struct settings *settings,
	const struct entry *entry)
{
	const char *name = entry->key->text;
	const char *refused = config_property_refused(name);
	const struct node *value = entry->value;
	char why[128];

	if (refused != NULL) {
		value_wrong(load, key, entry->key, "'%s' cannot be set here: %s", name, refused);
		return true;
	}
	if (name[0] == '\0' ||
		name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-")] != '\0') {
		value_wrong(load, key, entry->key, "'%.60s' is not a setting of librdkafka", name);
		return true;
	}
	if (value->kind == NODE_BAD || value->unresolved)
		return true;
	if (value->kind != NODE_SCALAR || node_is_null(value))
		value_wrong(load, key, value, "expected a text for '%.60s', found %s", name,
			value->kind == NODE_MAP    ? "a map"
			: value->kind == NODE_LIST ? "a list"
						   : "nothing");
	else if (config_property_value_refused(name, value->text, why))
		return value_wrong(load, key, value, "'%s' cannot have this value: %s", name, why);
	else
		settings_set(settings, name, value->text)->place = entry->key->place;
	return true;
}

static bool read_properties(
	struct load *load, const struct key *key, const struct node *node, void *field)
{
	bool good = true;

	if (node_is_null(node))
		return true;
	if (node->kind != NODE_MAP)
		return value_expected(load, key, node, "a map such as 'compression.codec: lz4'");
	for (size_t i = 0; i < node->count; i++)
		good = read_property(load, key, field, &node->entries[i]) && good;
	return good;
}

static void write_properties(struct dump *dump, const struct key *key, const void *field)
{
	const struct settings *properties = field;

	(void)key;
	buf_text(dump->out, properties->count == 0 ? " {}\n" : "\n");
	for (size_t i = 0; i < properties->count; i++) {
		dump_indent(dump, 2);
		dump_text(dump, properties->items[i].name);
		buf_byte(dump->out, ':');
		dump_scalar(dump, secret_shown(&properties->items[i], dump->masked));
	}
}

const struct value_type properties_type = {.read = read_properties,
	.write = write_properties,
	.is_set = settings_are_set,
	.clear = settings_clear};
