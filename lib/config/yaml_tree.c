#include "config/yaml_tree.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"

struct reader {
	yaml_parser_t parser;
	const char *text;
	size_t length;
	struct diagnostics *diagnostics;
	struct config_place whole; /* where all of the text is, which is no file; or NO_PLACE */
	size_t nodes;
	bool failed; /* an error was reported that ends the reading */
};

static struct config_place place_in_text(yaml_mark_t mark)
{
	return (struct config_place){(unsigned)mark.line + 1, (unsigned)mark.column + 1, 0};
}

/* The place for messages. */
static struct config_place place_told(const struct reader *reader, struct config_place in_text)
{
	return reader->whole.override > 0 ? reader->whole : in_text;
}

static struct config_place mark_place(const struct reader *reader, yaml_mark_t mark)
{
	return place_told(reader, place_in_text(mark));
}

/* ---- what libyaml says, in the words of someone who writes a file ---- */

/* The place of a byte. */
static struct config_place place_at(const struct reader *reader, size_t offset)
{
	struct config_place place = {1, 1, 0};

	for (size_t i = 0; i < offset && i < reader->length; i++) {
		if (reader->text[i] == '\n') {
			place.line++;
			place.column = 1;
		} else if ((reader->text[i] & 0xc0) != 0x80) {
			place.column++;
		}
	}
	return place;
}

/* The character at a place, 0 behind the end. */
static char character_at(const struct reader *reader, struct config_place place)
{
	struct config_place at = {1, 1, 0};

	for (size_t i = 0; i < reader->length; i++) {
		if (at.line == place.line && at.column == place.column)
			return reader->text[i];
		if (reader->text[i] == '\n') {
			at.line++;
			at.column = 1;
		} else if ((reader->text[i] & 0xc0) != 0x80) {
			at.column++;
		}
	}
	return '\0';
}

static char character_before(const struct reader *reader, struct config_place place)
{
	place.column--;
	return character_at(reader, place);
}

static void report_syntax(struct reader *reader)
{
	const yaml_parser_t *parser = &reader->parser;
	const char *problem = parser->problem != NULL ? parser->problem : "not YAML";
	struct config_place in_text = place_in_text(parser->problem_mark);
	struct config_place place = place_told(reader, in_text);
	char first;

	reader->failed = true;
	if (parser->error == YAML_MEMORY_ERROR)
		die(STATUS_TEMPFAIL, "out of memory while reading the configuration");
	if (parser->error == YAML_READER_ERROR) {
		diag_error(reader->diagnostics,
			place_told(reader, place_at(reader, parser->problem_offset)), "not a text in UTF-8: %s", problem);
		return;
	}
	first = character_at(reader, in_text);
	if (strstr(problem, "cannot start any token") != NULL && first == '\t')
		diag_error(reader->diagnostics, place,
			"syntax error: a tab cannot indent, use spaces");
	else if (strstr(problem, "cannot start any token") != NULL && first > ' ')
		diag_error(reader->diagnostics, place,
			"syntax error: a text that begins with '%c' must be quoted", first);
	else if (first == '{' && character_before(reader, in_text) == '$')
		diag_error(reader->diagnostics, place,
			"syntax error: '${' inside {} or [] must be quoted");
	else if (strstr(problem, "mapping values are not allowed") != NULL)
		diag_error(reader->diagnostics, place,
			"syntax error: no ':' is expected here (a text with ': ' in it must be "
			"quoted; keys of one map stand in one column)");
	else if (parser->context != NULL && parser->context_mark.line != parser->problem_mark.line &&
		reader->whole.override == 0)
		diag_error(reader->diagnostics, place, "syntax error: %s %s (begun at %zu:%zu)",
			problem, parser->context, parser->context_mark.line + 1,
			parser->context_mark.column + 1);
	else if (parser->context != NULL)
		diag_error(reader->diagnostics, place, "syntax error: %s %s", problem,
			parser->context);
	else
		diag_error(reader->diagnostics, place, "syntax error: %s", problem);
}

/* ---- building ---- */

struct node *yaml_node_new(enum node_kind kind, struct config_place place)
{
	struct node *node = mem_alloc(sizeof *node);

	node->kind = kind;
	node->place = place;
	return node;
}

static struct node *new_node(struct reader *reader, enum node_kind kind, yaml_mark_t mark)
{
	struct node *node = yaml_node_new(kind, mark_place(reader, mark));

	if (++reader->nodes == TREE_NODES_MAX) {
		diag_error(reader->diagnostics, node->place, "more than %d values", TREE_NODES_MAX);
		reader->failed = true;
	}
	return node;
}

void yaml_tree_free(struct node *node)
{
	if (node == NULL)
		return;
	for (size_t i = 0; i < node->count; i++) {
		yaml_tree_free(node->entries[i].key);
		yaml_tree_free(node->entries[i].value);
	}
	free(node->entries);
	mem_wipe(node->text);
	mem_wipe(node->given);
	free(node->shown);
	free(node);
}

static bool next_event(struct reader *reader, yaml_event_t *event)
{
	if (reader->failed)
		return false;
	if (yaml_parser_parse(&reader->parser, event))
		return true;
	report_syntax(reader);
	return false;
}

/* What follows is not named: it may be a password without quotes. */
static void refuse_decoration(
	struct reader *reader, yaml_mark_t mark, const yaml_char_t *anchor, const yaml_char_t *tag)
{
	if (anchor != NULL)
		diag_error(reader->diagnostics, mark_place(reader, mark),
			"anchors are not supported (a text that begins with '&' must be quoted)");
	if (tag != NULL)
		diag_error(reader->diagnostics, mark_place(reader, mark),
			"tags are not supported (a text that begins with '!' must be quoted)");
}

static struct node *read_scalar(struct reader *reader, const yaml_event_t *event)
{
	struct node *node = new_node(reader, NODE_SCALAR, event->start_mark);
	const char *text = (const char *)event->data.scalar.value;
	size_t length = event->data.scalar.length;

	refuse_decoration(
		reader, event->start_mark, event->data.scalar.anchor, event->data.scalar.tag);
	node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	node->text = mem_text_n(text, length);
	if (strlen(node->text) != length) {
		diag_error(reader->diagnostics, node->place, "a text cannot hold a NUL byte");
		node->kind = NODE_BAD;
	}
	return node;
}

static void add_entry(struct node *parent, struct node *key, struct node *value)
{
	/* Doubling at powers of two keeps a long list linear. */
	if ((parent->count & (parent->count - 1)) == 0)
		parent->entries = mem_grow(parent->entries,
			parent->count == 0 ? 1 : parent->count * 2, sizeof *parent->entries);
	parent->entries[parent->count++] = (struct entry){key, value};
}

/* Whether this key may be added to the map; if not, that is reported. */
static bool key_is_good(struct reader *reader, const struct node *map, const struct node *key)
{
	if (key->kind == NODE_BAD)
		return false;
	if (key->kind != NODE_SCALAR) {
		diag_error(reader->diagnostics, key->place, "expected a key, found a %s",
			key->kind == NODE_MAP ? "map" : "list");
		return false;
	}
	if (key->plain && strcmp(key->text, "<<") == 0) {
		diag_error(reader->diagnostics, key->place, "merge keys ('<<') are not supported");
		return false;
	}
	for (size_t i = 0; i < map->count; i++) {
		const struct node *first = map->entries[i].key;

		if (strcmp(first->text, key->text) == 0 && reader->whole.override > 0) {
			diag_error(reader->diagnostics, key->place, "duplicate key '%.60s'",
				key->text);
			return false;
		}
		if (strcmp(first->text, key->text) == 0) {
			diag_error(reader->diagnostics, key->place,
				"duplicate key '%.60s' (the first one is at %u:%u)", key->text,
				first->place.line, first->place.column);
			return false;
		}
	}
	return true;
}

static struct node *read_node(struct reader *reader, yaml_event_t *event, int depth);

static struct node *read_next(struct reader *reader, int depth)
{
	yaml_event_t event;

	return next_event(reader, &event) ? read_node(reader, &event, depth) : NULL;
}

/* A list's items or a map's keys and values, up to its end. */
static void read_entries(struct reader *reader, struct node *node, int depth)
{
	yaml_event_t event;

	while (next_event(reader, &event)) {
		struct node *key = NULL, *value;

		if (event.type == YAML_SEQUENCE_END_EVENT || event.type == YAML_MAPPING_END_EVENT) {
			yaml_event_delete(&event);
			return;
		}
		value = read_node(reader, &event, depth + 1);
		if (node->kind == NODE_MAP) {
			key = value;
			value = read_next(reader, depth + 1);
		}
		if (reader->failed || (key != NULL && !key_is_good(reader, node, key))) {
			yaml_tree_free(key);
			yaml_tree_free(value);
		} else {
			add_entry(node, key, value);
		}
	}
}

/* Deletes the event. */
static struct node *read_node(struct reader *reader, yaml_event_t *event, int depth)
{
	struct node *node = NULL;

	switch (event->type) {
	case YAML_SCALAR_EVENT:
		node = read_scalar(reader, event);
		break;
	case YAML_ALIAS_EVENT:
		node = new_node(reader, NODE_BAD, event->start_mark);
		diag_error(reader->diagnostics, node->place,
			"aliases are not supported (a text that begins with '*' must be quoted)");
		break;
	case YAML_SEQUENCE_START_EVENT:
		node = new_node(reader, NODE_LIST, event->start_mark);
		refuse_decoration(reader, event->start_mark, event->data.sequence_start.anchor,
			event->data.sequence_start.tag);
		break;
	case YAML_MAPPING_START_EVENT:
		node = new_node(reader, NODE_MAP, event->start_mark);
		refuse_decoration(reader, event->start_mark, event->data.mapping_start.anchor,
			event->data.mapping_start.tag);
		break;
	default: /* libyaml sends no other event where a node is due */
		die(STATUS_SOFTWARE, "libyaml sent event %d where a value was due",
			(int)event->type);
	}
	if (event->type == YAML_SCALAR_EVENT)
		explicit_bzero(event->data.scalar.value, event->data.scalar.length);
	yaml_event_delete(event);
	if ((node->kind == NODE_LIST || node->kind == NODE_MAP) && depth >= TREE_DEPTH_MAX) {
		diag_error(reader->diagnostics, node->place, "nested more than %d levels deep",
			TREE_DEPTH_MAX);
		reader->failed = true;
	}
	if (node->kind == NODE_LIST || node->kind == NODE_MAP)
		read_entries(reader, node, depth);
	return node;
}

/* The first document's root; a second document is a mistake. */
static struct node *read_stream(struct reader *reader)
{
	struct node *root = NULL;
	bool seen = false;
	yaml_event_t event;

	while (next_event(reader, &event)) {
		yaml_event_type_t type = event.type;
		struct config_place place = mark_place(reader, event.start_mark);

		yaml_event_delete(&event);
		if (type == YAML_STREAM_END_EVENT)
			break;
		if (type != YAML_DOCUMENT_START_EVENT)
			continue;
		if (seen) {
			diag_error(reader->diagnostics, place,
				"a second document: a configuration is one document");
			break;
		}
		seen = true;
		root = read_next(reader, 0);
	}
	return root;
}

/* Overwrites what libyaml has of the text, in which secrets may be; it frees that only. */
static void forget_text(const yaml_parser_t *parser)
{
	if (parser->buffer.start != NULL)
		explicit_bzero(parser->buffer.start, (size_t)(parser->buffer.end - parser->buffer.start));
	if (parser->raw_buffer.start != NULL)
		explicit_bzero(parser->raw_buffer.start,
			(size_t)(parser->raw_buffer.end - parser->raw_buffer.start));
}

/* The root, or NULL: there is none, or *failed is set after that was reported. */
static struct node *read_text(struct reader *reader, bool *failed)
{
	struct node *root;

	if (!yaml_parser_initialize(&reader->parser))
		die(STATUS_TEMPFAIL, "out of memory while reading the configuration");
	yaml_parser_set_input_string(
		&reader->parser, (const unsigned char *)reader->text, reader->length);
	root = read_stream(reader);
	forget_text(&reader->parser);
	yaml_parser_delete(&reader->parser);
	*failed = reader->failed;
	if (!reader->failed)
		return root;
	yaml_tree_free(root);
	return NULL;
}

struct node *yaml_scalar_new(const char *text, struct config_place place)
{
	struct node *node = yaml_node_new(NODE_SCALAR, place);

	node->text = mem_text(text);
	node->plain = true;
	return node;
}

struct node *yaml_value_read(
	const char *text, struct config_place place, struct diagnostics *diagnostics)
{
	struct reader reader = {.text = text,
		.length = strlen(text),
		.diagnostics = diagnostics,
		.whole = place};
	bool failed;
	struct node *root = read_text(&reader, &failed);

	return root != NULL ? root : yaml_node_new(NODE_BAD, place);
}

struct entry *yaml_tree_entry(struct node *map, const char *name, struct config_place place)
{
	for (size_t i = 0; i < map->count; i++)
		if (strcmp(map->entries[i].key->text, name) == 0)
			return &map->entries[i];
	add_entry(map, yaml_scalar_new(name, place), yaml_scalar_new("", place));
	return &map->entries[map->count - 1];
}

struct node *yaml_tree_read(const char *text, size_t length, struct diagnostics *diagnostics)
{
	struct reader reader = {.text = text, .length = length, .diagnostics = diagnostics};
	bool failed;
	struct node *root = read_text(&reader, &failed);

	if (failed)
		return NULL;
	if (root == NULL || node_is_null(root)) {
		yaml_tree_free(root);
		root = yaml_node_new(NODE_MAP, (struct config_place){1, 1, 0});
	}
	if (root->kind != NODE_MAP) {
		if (root->kind != NODE_BAD)
			diag_error(diagnostics, root->place,
				"expected keys such as 'source:', found a %s",
				root->kind == NODE_LIST ? "list" : "text");
		yaml_tree_free(root);
		return NULL;
	}
	return root;
}

const char *node_shown(const struct node *node)
{
	return node->shown != NULL ? node->shown : node->text;
}

bool node_is_null(const struct node *node)
{
	return node->kind == NODE_SCALAR && node->plain &&
	       (node->text[0] == '\0' || strcmp(node->text, "~") == 0 ||
		       strcasecmp(node->text, "null") == 0);
}

const struct node *node_find(const struct node *map, const char *key)
{
	for (size_t i = 0; map->kind == NODE_MAP && i < map->count; i++)
		if (strcmp(map->entries[i].key->text, key) == 0)
			return map->entries[i].value;
	return NULL;
}

const struct node *yaml_tree_at(const struct node *root, const char *path)
{
	char *copy = mem_text(path), *rest = copy, *name;
	const struct node *node = root;

	while (node != NULL && (name = strsep(&rest, ".")) != NULL)
		node = node_find(node, name);
	free(copy);
	return node;
}
