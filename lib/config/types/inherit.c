/* processor.inheritEnv; see values.h. */
#include <string.h>

#include "config/dump.h"
#include "config/json_schema.h"
#include "config/types/values.h"

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

static void inherit_forms(struct forms *forms, const struct key *key)
{
	(void)key;
	form_list(forms, "[A-Za-z_][A-Za-z_0-9]*\\*?", "\"boolean\"", true);
}

const struct value_type inherit_type = {
	.read = read_inherit,
	.forms = inherit_forms,
	.write = texts_write, .is_set = texts_are_set, .clear = texts_clear};
