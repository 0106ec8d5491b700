#include "config/json_schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/printable.h"
#include "config/kinds/kinds.h"
#include "config/types/values.h"

static void json_text(struct buf *out, const char *text)
{
	buf_byte(out, '"');
	printable_append(PRINTABLE_JSON, out, text, strlen(text));
	buf_byte(out, '"');
}

/* ---- the forms of a value ---- */

static struct buf *next_form(struct forms *forms)
{
	if (forms->any)
		buf_text(forms->out, ", ");
	forms->any = true;
	return forms->out;
}

void form_json(struct forms *forms, const char *schema)
{
	buf_text(next_form(forms), schema);
}

void form_pattern(struct forms *forms, const char *pattern)
{
	struct buf *out = next_form(forms);

	buf_text(out, "{\"type\": \"string\", \"pattern\": ");
	json_text(out, pattern);
	buf_byte(out, '}');
}

void form_text(struct forms *forms, int64_t most)
{
	struct buf *out = next_form(forms);

	buf_text(out, "{\"type\": \"string\", \"pattern\": ");
	json_text(out, "^[^\\x00-\\x1f\\x7f]+$");
	if (most > 0)
		buf_printf(out, ", \"maxLength\": %lld", (long long)most);
	buf_text(out, "}, {\"type\": [\"number\", \"boolean\"]}");
}

static void words(struct buf *out, const char *const *list)
{
	buf_text(out, "{\"enum\": [");
	for (size_t i = 0; list[i] != NULL; i++) {
		if (i > 0)
			buf_text(out, ", ");
		json_text(out, list[i]);
	}
	buf_text(out, "]}");
}

void form_words(struct forms *forms, const char *const *list)
{
	words(next_form(forms), list);
}

void form_number(struct forms *forms, bool whole, double low, double high)
{
	buf_printf(next_form(forms), "{\"type\": \"%s\", \"minimum\": %.15g, \"maximum\": %.15g}",
		whole ? "integer" : "number", low, high);
}

void form_bool(struct forms *forms)
{
	form_json(forms, "{\"type\": \"boolean\"}");
}

void form_null(struct forms *forms)
{
	form_json(forms, "{\"type\": \"null\"}");
}

void form_list(struct forms *forms, const char *item, const char *types, bool may_be_empty)
{
	char *pattern = mem_printf("^ *(?:%s)(?: *, *(?:%s))* *$", item, item);
	struct buf one = {0};

	form_pattern(&(struct forms){.out = &one}, pattern);
	buf_printf(&one, ", {\"type\": [%s]}", types);
	buf_append(next_form(forms), one.data, one.length);
	buf_printf(next_form(forms),
		"{\"type\": \"array\", \"minItems\": %d, \"maxItems\": 1000, \"items\": {\"anyOf\": [",
		may_be_empty ? 0 : 1);
	buf_append(forms->out, one.data, one.length);
	buf_text(forms->out, ", " FORM_SUBSTITUTED "]}}");
	buf_release(&one);
	if (may_be_empty)
		form_null(forms);
	free(pattern);
}

/* ---- keys and sections ---- */

static void write_section(struct buf *out, const struct section *section);

/* Appends `"name": ` as a member; *any says whether it has one before it. */
static void member(struct buf *out, bool *any, const char *name)
{
	if (*any)
		buf_text(out, ", ");
	*any = true;
	json_text(out, name);
	buf_text(out, ": ");
}

/* An empty list or map is what `[]` and `{}` stand for; numbers and switches need no quotes. */
static void write_default(struct buf *out, const char *initial)
{
	static const char *const bare[] = {"[]", "{}", "true", "false"};
	bool is_bare = initial[strspn(initial, "0123456789")] == '\0';

	for (size_t i = 0; i < sizeof bare / sizeof bare[0]; i++)
		is_bare = is_bare || strcmp(initial, bare[i]) == 0;
	if (is_bare)
		buf_text(out, initial);
	else
		json_text(out, initial);
}

static void write_key(struct buf *out, const struct section *section, const struct key *key)
{
	struct forms forms = {.out = out, .section = section};

	if (key->section != NULL) {
		write_section(out, key->section);
		return;
	}
	buf_byte(out, '{');
	if (key->initial != NULL && !(key->flags & KEY_DEFAULT_VARIES)) {
		buf_text(out, "\"default\": ");
		write_default(out, key->initial);
		buf_text(out, ", ");
	}
	buf_text(out, "\"anyOf\": [");
	if (key->type->forms != NULL)
		key->type->forms(&forms, key);
	else
		form_json(&forms, "true");
	if (!forms.no_text)
		form_json(&forms, FORM_SUBSTITUTED);
	buf_text(out, "]}");
}

/* The key with what it is for, in front of what it may be. */
static void write_helped_key(
	struct buf *out, const struct section *section, const struct key *key)
{
	struct buf body = {0};

	write_key(&body, section, key);
	buf_byte(out, '{');
	if (key->help != NULL) {
		buf_text(out, "\"description\": ");
		json_text(out, key->help);
		buf_text(out, ", ");
	}
	buf_append(out, body.data + 1, body.length - 1); /* without its own '{' */
	buf_release(&body);
}

/* Whether the i-th key has the name of an earlier one, of another kind. */
static bool is_repeated(const struct section *section, size_t i)
{
	const struct kind *kind;
	const char *name = schema_key(section, i, &kind)->name;

	for (size_t j = 0; j < i; j++)
		if (strcmp(schema_key(section, j, &kind)->name, name) == 0)
			return true;
	return false;
}

/* Whether several kinds have a key of this name. It may be another one in each, and is told with the kind. */
static bool is_shared(const struct section *section, const char *name)
{
	const struct kind *kind;
	const struct key *key;
	size_t count = 0;

	for (size_t i = 0; (key = schema_key(section, i, &kind)) != NULL; i++)
		count += strcmp(key->name, name) == 0;
	return count > 1;
}

static void write_properties(struct buf *out, const struct section *section)
{
	const struct kind *kind;
	const struct key *key;
	bool any = false;

	buf_text(out, "\"properties\": {");
	for (size_t i = 0; (key = schema_key(section, i, &kind)) != NULL; i++) {
		if (is_repeated(section, i))
			continue;
		member(out, &any, key->name);
		if (is_shared(section, key->name))
			buf_text(out, "true");
		else
			write_helped_key(out, section, key);
	}
	buf_byte(out, '}');
}

/* Whether the key is to be given whatever the file says: required where all else is by default, with no
 * remark on why. */
static bool is_required(const struct section *section, const struct key *key)
{
	struct config config;
	const char *remark;

	if (key->required == NULL)
		return false;
	config_init(&config);
	remark = key->required((const char *)&config + section->base);
	config_release(&config);
	return remark != NULL && remark[0] == '\0';
}

/* The keys that are always to be given: the section's own, or those of one kind. False: there are none. */
static bool write_required(struct buf *out, const struct section *section, const struct kind *of)
{
	const struct kind *kind;
	const struct key *key;
	bool any = false;

	for (size_t i = 0; (key = schema_key(section, i, &kind)) != NULL; i++) {
		if (kind != of || !is_required(section, key))
			continue;
		buf_text(out, any ? ", " : ", \"required\": [");
		json_text(out, key->name);
		any = true;
	}
	if (any)
		buf_byte(out, ']');
	return any;
}

/* What holds if the section is of this kind: no keys that only others have, those that it has in its own way, and
 * those that are required. */
static void write_kind(struct buf *out, const struct section *section, const struct kind *of)
{
	const struct kind *kind;
	const struct key *key, *own;
	bool any = false;

	buf_text(out, "{\"if\": {\"properties\": {\"kind\": {\"const\": ");
	json_text(out, of->name);
	buf_text(out, "}}, \"required\": [\"kind\"]}, \"then\": {\"properties\": {");
	for (size_t i = 0; (key = schema_key(section, i, &kind)) != NULL; i++) {
		own = schema_find(section, of, key->name);
		if (is_repeated(section, i) || (own != NULL && !is_shared(section, key->name)))
			continue;
		member(out, &any, key->name);
		if (own == NULL)
			buf_text(out, "false");
		else
			write_helped_key(out, section, own);
	}
	buf_byte(out, '}');
	write_required(out, section, of);
	buf_text(out, "}}");
}

static void write_kinds(struct buf *out, const struct section *section)
{
	bool any = false;

	buf_text(out, ", \"allOf\": [");
	for (size_t i = 0; section->kinds[i] != NULL; i++) {
		if (section->kinds[i]->absent != NULL)
			continue;
		if (any)
			buf_text(out, ", ");
		write_kind(out, section, section->kinds[i]);
		any = true;
	}
	buf_byte(out, ']');
}

/* A section without a required key may be empty. */
static void write_section(struct buf *out, const struct section *section)
{
	struct buf required = {0};
	bool needs = write_required(&required, section, NULL);

	buf_printf(out, "{\"type\": %s, ", needs ? "\"object\"" : "[\"object\", \"null\"]");
	write_properties(out, section);
	buf_text(out, ", \"additionalProperties\": false");
	buf_append(out, required.data, required.length);
	if (section->kinds != NULL)
		write_kinds(out, section);
	buf_byte(out, '}');
	buf_release(&required);
}

void json_schema_write(struct buf *out)
{
	struct buf body = {0};

	write_section(&body, &schema_top);
	buf_text(out, "{\"$schema\": \"https://json-schema.org/draft/2020-12/schema\", "
		      "\"title\": \"bruco.yaml: configuration of Bruco\", "
		      "\"$defs\": {\"substituted\": {\"description\": \"A variable, ${NAME} or "
		      "${NAME:-text}, or a file, ${file:PATH}.\", \"type\": \"string\", \"pattern\": ");
	json_text(out, "^(?:[^$]|\\$\\$|\\$(?![${]))*\\$\\{");
	buf_text(out, "}}, ");
	buf_append(out, body.data + 1, body.length - 1);
	buf_release(&body);
}
