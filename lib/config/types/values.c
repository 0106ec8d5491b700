/* What values are checked for, and lists of them; see values.h. */
#include "config/types/values.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/format.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/dump.h"

/* ---- what is wrong ---- */

bool value_wrong(
	struct load *load, const struct key *key, const struct node *node, const char *format, ...)
{
	va_list arguments;
	char text[1024];

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	(void)key;
	diag_error(load->diagnostics, node->place, "%s: %s", load->path, text);

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
	return value_wrong(load, key, node, "expected %s, found '%.80s'", what,
		node_shown(node));
}

const char *value_part(const struct node *item, const char *part)
{
	return item->shown != NULL ? item->shown : part;
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
	if (load->from_dump) /* a folder's name may be anything */
		return true;
	for (const char *at = node->text; *at != '\0'; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			return value_wrong(load, key, node,
				"expected %s, found a text with a line break or control character",
				what);
	return true;
}

void value_list_words(struct buf *out, const char *const *words)
{
	for (size_t i = 0; words[i] != NULL; i++) {
		if (i > 0)
			buf_text(out, words[i + 1] == NULL ? " or " : ", ");
		buf_text(out, words[i]);
	}
	buf_byte(out, '\0');
}

/* Reports all words, and the one that was probably meant. */
static bool wrong_word(
	struct load *load, const struct key *key, const struct node *node, const char *const *words)
{
	struct buf list = {0};
	size_t count = 0;
	const char *near;

	while (words[count] != NULL)
		count++;
	value_list_words(&list, words);
	near = text_nearest(node->text, words, count);
	if (near != NULL)
		value_wrong(load, key, node, "expected %s, found '%.60s' (did you mean '%s'?)",
			(const char *)list.data, node_shown(node), near);
	else
		value_expected(load, key, node, (const char *)list.data);
	buf_release(&list);
	return false;
}

bool value_word(struct load *load, const struct key *key, const struct node *node,
	const char *const *words, size_t *index)
{
	struct buf list = {0};
	bool scalar;

	value_list_words(&list, words);
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

/* ---- lists ---- */

/* The most names in a list. */
enum { VALUES_MAX = 1000 };

/* Calls `take` for each part between commas. */
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

bool texts_are_set(const void *field)
{
	return ((const struct texts *)field)->count > 0;
}

void texts_clear(void *field)
{
	texts_release(field);
}

void texts_write(struct dump *dump, const struct key *key, const void *field)
{
	const struct texts *texts = field;

	(void)key;
	buf_text(dump->out, texts->count == 0 ? " []\n" : "\n");
	for (size_t i = 0; i < texts->count; i++) {
		dump_indent(dump, 2);
		buf_byte(dump->out, '-');
		dump_scalar(dump, texts->items[i]);
	}
}
