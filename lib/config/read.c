/* Reading a map's entries by the keys of a section; see schema.h. */
#include <string.h>

#include "config/dump.h"
#include "config/schema.h"
#include "config/types/values.h"

static bool has_unresolved(const struct node *node)
{
	if (node->unresolved)
		return true;
	for (size_t i = 0; i < node->count; i++)
		if (node->kind == NODE_LIST && has_unresolved(node->entries[i].value))
			return true;
	return false;
}

/* The keys of a map that belongs to a section. */
static bool read_map(struct load *load, const struct key *key, struct node *node)
{
	const struct section *section = key->section;
	char *config = (char *)load->config;
	bool quiet = load->quiet;

	if (section->place > 0)
		*(struct config_place *)(config + section->place) = load->key_place;
	if (node->kind != NODE_MAP && !node_is_null(node))
		return value_expected(load, key, node, "a map of keys");
	if (section->present > 0)
		*(bool *)(config + section->present) = true;
	load->quiet = quiet || (section->bit != 0 && !(section->bit & load->sections));
	schema_read(load, section, node);
	load->quiet = quiet;
	return true;
}

static bool read_value(
	struct load *load, const struct section *section, const struct key *key, struct node *value)
{
	if (value->kind == NODE_BAD || has_unresolved(value))
		return false;
	if (key->section != NULL)
		return read_map(load, key, value);
	return key->type->read(load, key, value, schema_field(section, key, load->config));
}

static void read_key(struct load *load, const struct section *section, const struct key *key,
	const struct entry *entry)
{
	load->section = section;
	load->key_place = entry->key->place;
	schema_path(load->path, section, key);
	if (read_value(load, section, key, entry->value)) {
		if (!load->from_dump)
			dump_keep_given(load->config, load->path, entry->value);
		return;
	}
	/* Nothing more can be said about it, not even that it is missing. */
	texts_add(&load->config->mistaken, load->path);
	entry->value->kind = NODE_BAD;
}

/* The kind that the map names, or NULL when it is absent or not known here. */
static const struct kind *named_kind(const struct section *section, const struct node *map)
{
	const struct node *kind = node_find(map, "kind");

	if (section->kinds == NULL || kind == NULL || kind->kind != NODE_SCALAR || kind->unresolved)
		return NULL;
	return schema_kind(section, kind->text);
}

/* A key that the configured kind doesn't have: another kind does, or none. */
static void report_key(struct load *load, const struct section *section, const struct kind *kind,
	const struct node *name)
{
	const struct kind *owner;
	const struct key *key;

	for (size_t i = 0; (key = schema_key(section, i, &owner)) != NULL; i++) {
		if (strcmp(key->name, name->text) == 0) {
			diag_error(load->diagnostics, name->place,
				"'%s.%s' is a key of kind '%s', not of kind '%s'", section->name,
				key->name, owner->name, kind->name);
			return;
		}
	}
	schema_unknown(load, section, name);
}

void schema_read(struct load *load, const struct section *section, struct node *map)
{
	const struct kind *kind = named_kind(section, map);
	bool absent = kind != NULL && kind->absent != NULL;

	if (absent)
		kind = NULL;
	for (size_t i = 0; i < map->count; i++) {
		const struct entry *entry = &map->entries[i];
		const struct key *key = schema_find(section, kind, entry->key->text);

		if (key != NULL) {
			read_key(load, section, key, entry);
			continue;
		}
		entry->value->kind = NODE_BAD;
		if (!absent) /* else it may well be a key of that kind */
			report_key(load, section, kind, entry->key);
	}
}

const struct value_type map_type = {.read = NULL}; /* read_map reads it, dump.c writes it */
