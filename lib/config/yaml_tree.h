/*
 * YAML text to a tree of scalars, lists and maps, each with its place. Bounded in depth and count;
 * the caller bounds the text. What this configuration doesn't allow (aliases, anchors, tags,
 * duplicate keys, a second document) is reported here; what the keys mean isn't known here.
 */
#ifndef CONFIG_YAML_TREE_H
#define CONFIG_YAML_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "config/diagnostics.h"

enum { TREE_DEPTH_MAX = 32, TREE_NODES_MAX = 20000 };

enum node_kind {
	NODE_SCALAR,
	NODE_LIST,
	NODE_MAP,
	NODE_BAD /* wrong, and already reported */
};

struct node;

struct entry {
	struct node *key; /* a scalar; NULL in a list */
	struct node *value;
};

struct node {
	enum node_kind kind;
	struct config_place place;
	char *text;      /* a scalar's, without NUL bytes inside */
	bool plain;      /* a scalar as it stands in the file, without quotes or substitution */
	bool unresolved; /* holds a ${...} that this program does not resolve */
	bool secret;     /* by the name of its key */
	char *given;     /* a scalar's text as the file gives it, if that has a '$'; else NULL */
	char *shown;     /* what is to be shown instead of the text, as a file would give it, or NULL */
	struct entry *entries;
	size_t count;
};

/* The root, which is a map (an empty one for an empty text), or NULL after it has reported why. */
struct node *yaml_tree_read(const char *text, size_t length, struct diagnostics *diagnostics);
void yaml_tree_free(struct node *node);

/* A list or a map in one text, such as "[a, b]", of which all is at one place; NODE_BAD after it has
 * reported what is wrong with it. */
struct node *yaml_value_read(
	const char *text, struct config_place place, struct diagnostics *diagnostics);
struct node *yaml_scalar_new(const char *text, struct config_place place); /* plain */
struct node *yaml_node_new(enum node_kind kind, struct config_place place); /* empty */

/* The map's entry of this name; a new one, with nothing in it, at `place`, if there is none. */
struct entry *yaml_tree_entry(struct node *map, const char *name, struct config_place place);

/* The scalar's text for messages: without what is secret (secrets.h). */
const char *node_shown(const struct node *node);

/* Nothing stands there: `key:`, `key: null`, `key: ~`. */
bool node_is_null(const struct node *node);

/* The value of a key in a map, or NULL; nothing but a map has keys. */
const struct node *node_find(const struct node *map, const char *key);

/* The value at a path such as "processor.retry.backoff", or NULL. */
const struct node *yaml_tree_at(const struct node *root, const char *path);

#endif
