#include "config/types/values.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/format.h"
#include "base/mem.h"
#include "base/processors.h"
#include "base/text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- what is wrong ---- */

bool value_wrong(
	struct load *load, const struct key *key, const struct node *node, const char *format, ...)
{
	va_list arguments;
	char text[1024];

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	diag_error(load->diagnostics, node->place, "%s: %s", key->path, text);
	return false;
}

bool value_expected(
	struct load *load, const struct key *key, const struct node *node, const char *what)
{
	const char *found = NULL;

	if (node->kind == NODE_BAD)
		return false;
	if (node->kind == NODE_LIST)
		found = "a list";
	else if (node->kind == NODE_MAP)
		found = "a map";
	else if (node_is_null(node))
		found = "nothing";
	else if (node->text[0] == '\0')
		found = "an empty text";
	if (found != NULL)
		return value_wrong(load, key, node, "expected %s, found %s", what, found);
	return value_wrong(load, key, node, "expected %s, found '%.80s'", what, node->text);
}

bool value_scalar(
	struct load *load, const struct key *key, const struct node *node, const char *what)
{
	if (node->kind != NODE_SCALAR || node_is_null(node))
		return value_expected(load, key, node, what);
	return true;
}

bool value_line(struct load *load, const struct key *key, const struct node *node, const char *what)
{
	if (!value_scalar(load, key, node, what))
		return false;
	if (node->text[0] == '\0')
		return value_expected(load, key, node, what);
	if (load->document) /* a folder's name may be anything */
		return true;
	for (const char *at = node->text; *at != '\0'; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			return value_wrong(load, key, node,
				"expected %s, found a text with a line break or control character",
				what);
	return true;
}

/* "topic names 'a', 'b' or 'c'" for a NULL-terminated list. */
static void list_words(struct buf *out, const char *const *words)
{
	for (size_t i = 0; words[i] != NULL; i++) {
		if (i > 0)
			buf_text(out, words[i + 1] == NULL ? " or " : ", ");
		buf_text(out, words[i]);
	}
	buf_byte(out, '\0');
}

/* Not one of the words: names the one that was probably meant, and all. */
static bool wrong_word(
	struct load *load, const struct key *key, const struct node *node, const char *const *words)
{
	struct buf list = {0};
	size_t count = 0;
	const char *near;

	while (words[count] != NULL)
		count++;
	list_words(&list, words);
	near = text_nearest(node->text, words, count);
	if (near != NULL)
		value_wrong(load, key, node, "expected %s, found '%.60s' (did you mean '%s'?)",
			(const char *)list.data, node->text, near);
	else
		value_expected(load, key, node, (const char *)list.data);
	buf_release(&list);
	return false;
}

/* The index of the word; reports and returns false if it is none. */
static bool word_index(struct load *load, const struct key *key, const struct node *node,
	const char *const *words, size_t *index)
{
	struct buf list = {0};
	bool scalar;

	list_words(&list, words);
	scalar = value_line(load, key, node, (const char *)list.data);
	buf_release(&list);
	if (!scalar)
		return false;
	for (size_t i = 0; words[i] != NULL; i++) {
		if (strcmp(words[i], node->text) == 0) {
			*index = i;
			return true;
		}
	}
	return wrong_word(load, key, node, words);
}

bool read_word(struct load *load, const struct key *key, const struct node *node, void *field)
{
	size_t index;

	if (!word_index(load, key, node, key->words, &index))
		return false;
	config_replace(field, key->words[index]);
	return true;
}

/* ---- texts ---- */

bool read_text(struct load *load, const struct key *key, const struct node *node, void *field)
{
	if (!value_line(load, key, node, "a text"))
		return false;
	if (key->high > 0 && strlen(node->text) > (size_t)key->high)
		return value_wrong(load, key, node, "longer than %lld bytes", (long long)key->high);
	config_replace(field, node->text);
	return true;
}

/* Names in a list: more is hardly meant. */
enum { VALUES_MAX = 1000 };

/* Hands over each part between commas. */
static bool each_part(struct load *load, const struct key *key, const struct node *item,
	bool (*take)(struct load *, const struct key *, const struct node *, const char *, void *),
	void *field)
{
	char *copy = mem_text(item->text), *rest = copy, *part;
	bool good = true;

	for (size_t i = 0; (part = strsep(&rest, ",")) != NULL; i++) {
		if (i == VALUES_MAX) {
			good = value_wrong(load, key, item, "more than %d names", VALUES_MAX);
			break;
		}
		part += strspn(part, " \t\n");
		for (size_t end = strlen(part); end > 0 && strchr(" \t\n", part[end - 1]) != NULL;)
			part[--end] = '\0';
		if (part[0] == '\0')
			good = value_wrong(load, key, item, "empty name in the list");
		else
			good = take(load, key, item, part, field) && good;
	}
	free(copy);
	return good;
}

bool value_each(struct load *load, const struct key *key, const struct node *node,
	bool (*take)(struct load *, const struct key *, const struct node *, const char *, void *),
	void *field)
{
	bool good = true;

	if (node->kind == NODE_SCALAR)
		return value_line(load, key, node, "a list") &&
		       each_part(load, key, node, take, field);
	if (node->kind != NODE_LIST)
		return value_expected(load, key, node, "a list");
	if (node->count > VALUES_MAX)
		return value_wrong(load, key, node, "more than %d names", VALUES_MAX);
	for (size_t i = 0; i < node->count; i++) {
		const struct node *item = node->entries[i].value;

		if (item->kind == NODE_BAD || !value_line(load, key, item, "a text"))
			good = false;
		else
			good = each_part(load, key, item, take, field) && good;
	}
	return good;
}

/* ---- numbers ---- */

bool read_duration(struct load *load, const struct key *key, const struct node *node, void *field)
{
	char low[32], high[32], what[128];
	int64_t value;

	format_duration(low, key->low);
	format_duration(high, key->high);
	snprintf(what, sizeof what, "a duration from %s to %s", low, high);
	if (!value_scalar(load, key, node, what))
		return false;
	if (!text_duration(node->text, &value) || value < key->low || value > key->high)
		return value_expected(load, key, node, what);
	*(int64_t *)field = value;
	return true;
}

bool read_size(struct load *load, const struct key *key, const struct node *node, void *field)
{
	char low[32], high[32], what[128];
	int64_t value;

	format_size(low, key->low);
	format_size(high, key->high);
	snprintf(what, sizeof what, "a size from %s to %s", low, high);
	if (!value_scalar(load, key, node, what))
		return false;
	if (!text_size(node->text, &value) || value < key->low || value > key->high)
		return value_expected(load, key, node, what);
	*(int64_t *)field = value;
	return true;
}

bool read_count(struct load *load, const struct key *key, const struct node *node, void *field)
{
	char what[128];
	int64_t value;

	snprintf(what, sizeof what, "a number from %lld to %lld", (long long)key->low,
		(long long)key->high);
	if (!value_scalar(load, key, node, what))
		return false;
	if (!text_integer(node->text, key->low, key->high, &value))
		return value_expected(load, key, node, what);
	*(uint32_t *)field = (uint32_t)value;
	return true;
}

bool read_workers(struct load *load, const struct key *key, const struct node *node, void *field)
{
	uint32_t *workers = field;
	char what[128];
	int64_t value;

	snprintf(what, sizeof what, "a number from %lld to %lld or auto", (long long)key->low,
		(long long)key->high);
	if (!value_scalar(load, key, node, what))
		return false;
	if (strcmp(node->text, "auto") == 0) {
		*workers = processors_available();
		if (*workers > key->high)
			*workers = (uint32_t)key->high;
		return true;
	}
	if (!text_integer(node->text, key->low, key->high, &value))
		return value_expected(load, key, node, what);
	*workers = (uint32_t)value;
	return true;
}

/* ---- words that mean something ---- */

static const char *const ordering_words[] = {"partition", "key", "none", NULL};

const char *ordering_word(enum ordering ordering)
{
	return ordering_words[ordering];
}

bool read_ordering(struct load *load, const struct key *key, const struct node *node, void *field)
{
	size_t index;

	if (!word_index(load, key, node, ordering_words, &index))
		return false;
	*(enum ordering *)field = (enum ordering)index;
	load->ordering = node->place;
	return true;
}

bool read_backoff(struct load *load, const struct key *key, const struct node *node, void *field)
{
	load->retry_backoff = node->place;
	return read_duration(load, key, node, field);
}

static const char *const on_failure_words[] = {"stop", "skip", "deadLetter", NULL};

const char *on_failure_word(enum on_failure on_failure)
{
	return on_failure_words[on_failure];
}

bool read_on_failure(struct load *load, const struct key *key, const struct node *node, void *field)
{
	size_t index;

	if (!word_index(load, key, node, on_failure_words, &index))
		return false;
	*(enum on_failure *)field = (enum on_failure)index;
	load->on_failure = node->place;
	return true;
}

bool read_fire_and_forget(
	struct load *load, const struct key *key, const struct node *node, void *field)
{
	(void)field;
	if (!value_scalar(load, key, node, "true or false"))
		return false;
	if (strcasecmp(node->text, "true") == 0)
		load->fire_and_forget_on = true;
	else if (strcasecmp(node->text, "false") != 0)
		return value_expected(load, key, node, "true or false");
	load->fire_and_forget = node->place;
	return true;
}

bool read_no_effect(struct load *load, const struct key *key, const struct node *node, void *field)
{
	(void)field;
	if (!load->quiet)
		diag_info(load->diagnostics, node->place, "%s has no effect any more", key->path);
	return true;
}

static const struct {
	const char *kind;
	const char *why;
} foreign_kinds[] = {
	{"http", "does not exist yet"},
	{"file", "does not exist yet"},
	{"exec", "does not exist yet"},
	{"nats", "of earlier versions does not exist"},
};

bool kind_is_foreign(const char *kind)
{
	for (size_t i = 0; i < COUNT(foreign_kinds); i++)
		if (strcmp(foreign_kinds[i].kind, kind) == 0)
			return true;
	return false;
}

bool read_kind(struct load *load, const struct key *key, const struct node *node, void *field)
{
	struct buf list = {0};
	size_t count = 0;
	const char *near;

	list_words(&list, key->words);
	if (!value_line(load, key, node, (const char *)list.data))
		goto out;
	for (; key->words[count] != NULL; count++) {
		if (strcmp(key->words[count], node->text) == 0) {
			config_replace(field, node->text);
			buf_release(&list);
			return true;
		}
	}
	for (size_t i = 0; i < COUNT(foreign_kinds); i++) {
		if (strcmp(foreign_kinds[i].kind, node->text) == 0) {
			value_wrong(load, key, node, "kind '%s' %s (%s)", node->text,
				foreign_kinds[i].why, (const char *)list.data);
			goto out;
		}
	}
	near = text_nearest(node->text, key->words, count);
	if (near != NULL)
		value_wrong(load, key, node, "unknown kind '%.60s' (did you mean '%s'?)",
			node->text, near);
	else if (strcmp(node->text, "discard") == 0)
		value_wrong(load, key, node, "'discard' is a kind of sink only (%s)",
			(const char *)list.data);
	else
		value_wrong(load, key, node, "unknown kind '%.60s' (%s)", node->text,
			(const char *)list.data);
out:
	buf_release(&list);
	return false;
}

/* ---- the environment of the workers ---- */

static bool env_name(struct load *load, const struct key *key, const struct settings *settings,
	const struct node *name)
{
	if (!value_line(load, key, name, "the name of a variable"))
		return false;
	if (strpbrk(name->text, "= ") != NULL)
		return value_expected(load, key, name, "the name of a variable");
	for (size_t i = 0; i < settings->count; i++)
		if (strcmp(settings->items[i].name, name->text) == 0)
			return value_wrong(load, key, name, "'%.60s' is given twice", name->text);
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
			found->text, key->path, near);
		good = false;
	}
	name = node_find(item, "name");
	value = node_find(item, "value");
	if (good && (name == NULL || value == NULL))
		good = value_wrong(
			load, key, item, "%s is missing here", name == NULL ? "'name'" : "'value'");
	if (name == NULL || value == NULL || name->kind == NODE_BAD || value->kind == NODE_BAD)
		return;
	if (!name->unresolved && !env_name(load, key, settings, name))
		good = false;
	if (!value->unresolved && !value_scalar(load, key, value, "a text"))
		good = false;
	if (good && !name->unresolved && !value->unresolved)
		settings_set(settings, name->text, value->text);
}

bool read_env(struct load *load, const struct key *key, const struct node *node, void *field)
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
