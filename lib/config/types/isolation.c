/* processor.isolation and processor.inheritEnv; see values.h. */
#include <string.h>

#include "config/dump.h"
#include "config/types/values.h"

/* ---- isolation */

static const char *const isolation_words[] = {"none", "basic", NULL};

_Static_assert(sizeof(enum isolation) == sizeof(unsigned), "stored as the number of its word");

static bool read_isolation(
	struct load *load, const struct key *key, const struct node *node, void *field)
{
	size_t index;

	if (node->kind == NODE_SCALAR && strcmp(node->text, "strict") == 0) {
		diag_error(load->diagnostics, load->key_place,
			"'%s: strict' is not supported yet (only 'none' or 'basic')", load->path);
		return false;
	}
	if (!value_word(load, key, node, isolation_words, &index))
		return false;
	*(unsigned *)field = (unsigned)index;
	return true;
}

static void write_isolation(struct dump *dump, const struct key *key, const void *field)
{
	(void)key;
	dump_scalar(dump, isolation_words[*(const unsigned *)field]);
}

const struct value_type isolation_type = {.read = read_isolation, .write = write_isolation};

/* ---- inheritEnv */

/* NAME, or PREFIX_* for all that begin so. */
static bool pattern_is_good(const char *text)
{
	static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
	size_t length = strlen(text);

	if (length > 1 && text[length - 1] == '*')
		length--;
	return strchr(first, text[0]) != NULL && strspn(text, first) > 0 &&
	       strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789") ==
		       length;
}

static bool take_pattern(struct load *load, const struct key *key, const struct node *item,
	const char *text, void *field)
{
	if (!pattern_is_good(text))
		return value_wrong(load, key, item,
			"expected the name of a variable, or PREFIX_*, found '%.60s'",
			value_part(item, text));
	texts_add(field, text);
	return true;
}

static bool read_inherit(
	struct load *load, const struct key *key, const struct node *node, void *field)
{
	if (node_is_null(node) || (node->kind == NODE_LIST && node->count == 0))
		return true;
	return value_each(load, key, node, take_pattern, field);
}

const struct value_type inherit_type = {
	.read = read_inherit, .write = texts_write, .is_set = texts_are_set, .clear = texts_clear};
