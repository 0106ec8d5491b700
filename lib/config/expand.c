#include "config/expand.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/types/values.h"

struct scalar { /* the scalar that is being expanded */
	struct expansion *expansion;
	struct node *node;
	bool resolve;
	struct texts *names;
	struct buf out;
	bool unresolved;
	bool bad;
};

extern char **environ;

static void add_name(struct texts *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++)
		if (strcmp(names->items[i], name) == 0)
			return;
	texts_add(names, name);
}

static bool variable_name_is_good(const char *name, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		bool letter = (name[i] >= 'A' && name[i] <= 'Z') ||
			      (name[i] >= 'a' && name[i] <= 'z') || name[i] == '_';

		if (!letter && (i == 0 || name[i] < '0' || name[i] > '9'))
			return false;
	}
	return length > 0;
}

/* The environment's name that was probably meant; the caller frees it. */
static char *nearest_variable(const char *name)
{
	size_t count = 0;
	char **names;
	char *nearest;

	while (environ[count] != NULL)
		count++;
	names = mem_array(count, sizeof *names);
	for (size_t i = 0; i < count; i++)
		names[i] = mem_text_n(environ[i], strcspn(environ[i], "="));
	nearest = mem_text(text_nearest(name, (const char *const *)names, count));
	for (size_t i = 0; i < count; i++)
		free(names[i]);
	free(names);
	return nearest;
}

static void report_unset(struct scalar *scalar, const char *name)
{
	/* Too many short names are alike: NODE is not a typo of HOME. */
	char *nearest = strlen(name) < 6 ? NULL : nearest_variable(name);

	if (nearest != NULL)
		diag_error(scalar->expansion->diagnostics, scalar->node->place,
			"variable '%.60s' is not set (did you mean '%.60s'?)", name, nearest);
	else
		diag_error(scalar->expansion->diagnostics, scalar->node->place,
			"variable '%.60s' is not set", name);
	free(nearest);
	scalar->bad = true;
}

/* What comes then is not even read. */
static bool is_over(const struct expansion *expansion)
{
	return expansion->bytes > EXPAND_BYTES_MAX;
}

static void append_text(struct scalar *scalar, const char *what, const char *text, size_t length)
{
	struct expansion *expansion = scalar->expansion;

	if (!text_utf8(text, length) || memchr(text, '\0', length) != NULL) {
		diag_error(expansion->diagnostics, scalar->node->place,
			"'%.100s' is not a text in UTF-8", what);
		scalar->bad = true;
		return;
	}
	expansion->bytes += length;
	if (is_over(expansion)) {
		diag_error(expansion->diagnostics, scalar->node->place,
			"substitution makes the configuration larger than %d MiB",
			EXPAND_BYTES_MAX >> 20);
		scalar->bad = true;
		return;
	}
	buf_append(&scalar->out, text, length);
}

static void insert_file(struct scalar *scalar, const char *path)
{
	char *whole = config_path(scalar->expansion->directory, path);
	size_t length;
	char *text = fd_read_regular(whole, EXPAND_FILE_MAX, &length);

	if (text != NULL) {
		if (length > 0 && text[length - 1] == '\n')
			length--;
		if (scalar->expansion->files != NULL)
			texts_add(scalar->expansion->files, whole);
		append_text(scalar, path, text, length);
	} else {
		diag_error(scalar->expansion->diagnostics, scalar->node->place,
			"cannot read file '%.200s': %s", whole, fd_read_why(errno));
		scalar->bad = true;
	}
	mem_wipe(text);
	free(whole);
}

static void insert_variable(struct scalar *scalar, const char *name, const char *otherwise)
{
	const char *value;

	if (scalar->names != NULL)
		add_name(scalar->names, name);
	if (!scalar->resolve) {
		scalar->unresolved = true;
		return;
	}
	value = getenv(name);
	if (otherwise != NULL && (value == NULL || value[0] == '\0'))
		value = otherwise;
	if (value == NULL)
		report_unset(scalar, name);
	else
		append_text(scalar, name, value, strlen(value));
}

/* A password with "${" in it is not to be repeated, nor a default. */
static void report_form(struct scalar *scalar, const char *inside)
{
	const char *otherwise = strstr(inside, ":-");
	int length = otherwise == NULL ? (int)strcspn(inside, "$") : (int)(otherwise - inside);
	bool cut = inside[length] != '\0';

	if (scalar->node->secret)
		length = 0;
	diag_error(scalar->expansion->diagnostics, scalar->node->place,
		"cannot substitute '${%.*s%s}': expected ${NAME}, ${NAME:-text} or ${file:PATH} "
		"(write $$ for a '$' itself)",
		length < 60 ? length : 60, inside, cut || length == 0 ? "..." : "");
	scalar->bad = true;
}

/* Inserts what the text between ${ and } stands for. */
static void insert(struct scalar *scalar, const char *inside)
{
	const char *otherwise = strstr(inside, ":-");
	size_t length = otherwise != NULL ? (size_t)(otherwise - inside) : strlen(inside);

	if (is_over(scalar->expansion)) {
		scalar->bad = true;
		return;
	}
	if (variable_name_is_good(inside, length) &&
		(otherwise == NULL || strstr(otherwise, "${") == NULL)) {
		char *name = mem_text_n(inside, length);

		insert_variable(scalar, name, otherwise == NULL ? NULL : otherwise + 2);
		free(name);
	} else if (strncmp(inside, "file:", 5) == 0 && inside[5] != '\0') {
		if (scalar->resolve)
			insert_file(scalar, inside + 5);
		else
			scalar->unresolved = true;
	} else {
		report_form(scalar, inside);
	}
}

static void expand_scalar(struct scalar *scalar)
{
	struct node *node = scalar->node;
	const char *from = node->text, *dollar;

	while ((dollar = strchr(from, '$')) != NULL) {
		const char *close = strchr(dollar, '}');
		char *inside;

		buf_append(&scalar->out, from, (size_t)(dollar - from));
		if (dollar[1] != '{') {
			buf_byte(&scalar->out, '$');
			from = dollar + (dollar[1] == '$' ? 2 : 1);
			continue;
		}
		if (close == NULL) {
			diag_error(scalar->expansion->diagnostics, node->place,
				"'${' without its '}' (write $$ for a '$' itself)");
			scalar->bad = true;
			return;
		}
		inside = mem_text_n(dollar + 2, (size_t)(close - dollar - 2));
		insert(scalar, inside);
		free(inside);
		node->plain = false; /* the value of a variable is a text, even if it is `null` */
		from = close + 1;
	}
	buf_text(&scalar->out, from);
	buf_byte(&scalar->out, '\0');
}

void expand_tree(struct expansion *expansion, struct node *node, bool resolve, struct texts *names)
{
	struct scalar scalar = {
		.expansion = expansion, .node = node, .resolve = resolve, .names = names};

	for (size_t i = 0; i < node->count; i++)
		expand_tree(expansion, node->entries[i].value, resolve, names);
	if (node->kind != NODE_SCALAR || strchr(node->text, '$') == NULL)
		return;
	expand_scalar(&scalar);
	if (scalar.bad) {
		node->kind = NODE_BAD;
	} else if (scalar.unresolved) {
		node->unresolved = true;
	} else {
		node->given = node->text;
		node->text = (char *)scalar.out.data;
		scalar.out = (struct buf){0};
	}
	buf_wipe(&scalar.out);
}
