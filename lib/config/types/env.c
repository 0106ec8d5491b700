/* processor.env: the environment of the workers; see values.h. */
#include <string.h>

#include "base/text.h"
#include "config/dump.h"
#include "config/json_schema.h"
#include "config/types/values.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool new_name_is_good(struct load *load, const struct key *key,
	const struct settings *settings, const struct node *name)
{
	if (!value_line(load, key, name, "the name of a variable"))
		return false;
	if (strpbrk(name->text, "= ") != NULL)
		return value_expected(load, key, name, "the name of a variable");
	for (size_t i = 0; i < settings->count; i++)
		if (strcmp(settings->items[i].name, name->text) == 0)
			return value_wrong(load, key, name, "'%.60s' is given twice",
				node_shown(name));
	return true;
}

/* One {name: NAME, value: TEXT}. */
static void read_variable(struct load *load, const struct key *key, struct settings *settings,
	const struct node *item)
{
	static const char *const words[] = {"name", "value"};
	const struct node *name, *value;
	bool good = true;

	if (item->kind != NODE_MAP) {
		value_expected(load, key, item, "'name:' and 'value:'");
		return;
	}
	for (size_t i = 0; i < item->count; i++) {
		const struct node *found = item->entries[i].key;
		const char *near;

		if (strcmp(found->text, "name") == 0 || strcmp(found->text, "value") == 0)
			continue;
		near = text_nearest(found->text, words, COUNT(words));
		diag_error(load->diagnostics, found->place,
			near != NULL ? "unknown key '%.60s' in %s (did you mean '%s'?)"
				     : "unknown key '%.60s' in %s",
			node_shown(found), load->path, near);
		good = false;
	}
	name = node_find(item, "name");
	value = node_find(item, "value");
	if (good && (name == NULL || value == NULL))
		good = value_wrong(
			load, key, item, "%s is missing here", name == NULL ? "'name'" : "'value'");
	if (name == NULL || value == NULL || name->kind == NODE_BAD || value->kind == NODE_BAD)
		return;
	if (!name->unresolved && !new_name_is_good(load, key, settings, name))
		good = false;
	if (!value->unresolved && !value_scalar(load, key, value, "a text"))
		good = false;
	if (good && !name->unresolved && !value->unresolved)
		settings_take(settings, name, value);
}

static bool read_env(struct load *load, const struct key *key, const struct node *node, void *field)
{
	if (node_is_null(node))
		return true;
	if (node->kind != NODE_LIST)
		return value_expected(load, key, node, "a list of 'name:' and 'value:'");
	for (size_t i = 0; i < node->count; i++)
		if (node->entries[i].value->kind != NODE_BAD)
			read_variable(load, key, field, node->entries[i].value);
	return true;
}

static void write_env(struct dump *dump, const struct key *key, const void *field)
{
	const struct settings *env = field;

	(void)key;
	buf_text(dump->out, env->count == 0 ? " []\n" : "\n");
	for (size_t i = 0; i < env->count; i++) {
		dump_indent(dump, 2);
		buf_text(dump->out, "- name:");
		dump_shown(dump, env->items[i].name, env->items[i].shown_name);
		dump_indent(dump, 4);
		buf_text(dump->out, "value:");
		dump_shown(dump, env->items[i].value, env->items[i].shown);
	}
}

static void env_forms(struct forms *forms, const struct key *key)
{
	(void)key;
	form_json(forms, "{\"type\": \"array\", \"items\": {\"type\": \"object\", "
		"\"properties\": {\"name\": {\"anyOf\": [{\"type\": \"string\", "
		"\"pattern\": \"^[^= \\\\x00-\\\\x1f\\\\x7f]+$\"}, {\"type\": [\"number\", \"boolean\"]}, "
		FORM_SUBSTITUTED "]}, \"value\": " FORM_SCALAR "}, "
		"\"required\": [\"name\", \"value\"], \"additionalProperties\": false}}");
	form_null(forms);
	forms->no_text = true;
}

const struct value_type env_type = {
	.read = read_env,
	.forms = env_forms,
	.write = write_env, .is_set = settings_are_set, .clear = settings_clear};
