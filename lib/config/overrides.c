#include "config/overrides.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/schema.h"

static bool is_yaml(const char *value)
{
	size_t length = strlen(value);
	char last = length < 2 ? '\0' : value[length - 1];

	return (value[0] == '[' && last == ']') || (value[0] == '{' && last == '}');
}

static struct node *value_of(
	const char *text, struct config_place place, struct diagnostics *diagnostics)
{
	return is_yaml(text) ? yaml_value_read(text, place, diagnostics)
			     : yaml_scalar_new(text, place);
}

/* The map below an entry; whatever else the file has there makes way for it. */
static struct node *map_in(struct entry *entry, struct config_place place)
{
	struct node *value = entry->value;

	if (value->kind == NODE_MAP)
		return value;
	yaml_tree_free(value);
	entry->value = yaml_node_new(NODE_MAP, place);
	return entry->value;
}

static void lay(struct node *root, const char *assignment, struct config_place place,
	struct diagnostics *diagnostics)
{
	char *path = mem_text_n(assignment, strcspn(assignment, "=")), *name = path, *dot;
	const struct section *section = &schema_top;
	struct node *map = root;
	struct entry *entry;

	while (section != NULL && (dot = strchr(name, '.')) != NULL) {
		const struct key *key;

		*dot = '\0';
		key = schema_find(section, NULL, name);
		section = key == NULL ? NULL : key->section;
		map = map_in(yaml_tree_entry(map, name, place), place);
		name = dot + 1;
	}
	entry = yaml_tree_entry(map, name, place);
	yaml_tree_free(entry->value);
	entry->value = value_of(strchr(assignment, '=') + 1, place, diagnostics);
	entry->key->place = place;
	free(path);
}

void overrides_lay(
	struct node *root, const struct texts *overrides, struct diagnostics *diagnostics)
{
	for (size_t i = 0; i < overrides->count; i++)
		lay(root, overrides->items[i], (struct config_place){.override = (unsigned)i + 1},
			diagnostics);
}
