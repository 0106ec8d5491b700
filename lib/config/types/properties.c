/* librdkafka's own settings; see values.h. */
#include <string.h>

#include "config/dump.h"
#include "config/json_schema.h"
#include "config/types/values.h"

/* A property as write_property writes it for a stage. */
static bool take_dumped(struct settings *settings, const char *name, const struct node *property)
{
	const struct node *value = node_find(property, "value");
	const struct node *shown = node_find(property, "shown");

	if (value == NULL || shown == NULL)
		return false;
	config_replace(&settings_set(settings, name, value->text)->shown, shown->text);
	return true;
}

/* False: the value must not reach a client, not even to be checked. */
static bool read_property(struct load *load, const struct key *key, struct settings *settings,
	const struct entry *entry)
{
	const char *name = entry->key->text;
	const char *refused = config_property_refused(name);
	const struct node *value = entry->value;
	char why[128];

	if (load->from_dump && take_dumped(settings, name, value))
		return true;
	if (refused != NULL) {
		value_wrong(load, key, entry->key, "'%s' cannot be set here: %s", name, refused);
		return true;
	}
	if (name[0] == '\0' ||
		name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-")] != '\0') {
		value_wrong(load, key, entry->key, "'%.60s' is not a setting of librdkafka",
			node_shown(entry->key));
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
		settings_take(settings, entry->key, value);
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

/* For a stage with what it may show of the value, since the origin ends here. */
static void write_property(struct dump *dump, const struct setting *property)
{
	dump_text(dump, property->name);
	buf_byte(dump->out, ':');
	if (dump->for_stage && property->shown != NULL) {
		buf_text(dump->out, "\n");
		dump_indent(dump, 4);
		buf_text(dump->out, "value:");
		dump_scalar(dump, property->value);
		dump_indent(dump, 4);
		buf_text(dump->out, "shown:");
		dump_scalar(dump, property->shown);
	} else {
		dump_shown(dump, property->value, property->shown);
	}
}

static void write_properties(struct dump *dump, const struct key *key, const void *field)
{
	const struct settings *properties = field;

	(void)key;
	buf_text(dump->out, properties->count == 0 ? " {}\n" : "\n");
	for (size_t i = 0; i < properties->count; i++) {
		dump_indent(dump, 2);
		write_property(dump, &properties->items[i]);
	}
}

static void properties_forms(struct forms *forms, const struct key *key)
{
	(void)key;
	form_json(forms, "{\"type\": \"object\", \"propertyNames\": {\"pattern\": \"^[a-z0-9._-]+$\"}, "
		"\"additionalProperties\": " FORM_SCALAR "}");
	form_null(forms);
	forms->no_text = true;
}

const struct value_type properties_type = {.read = read_properties,
	.forms = properties_forms,
	.write = write_properties,
	.is_set = settings_are_set,
	.clear = settings_clear};
