/* The keys of `security`, and tokenCommand; see values.h. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/mem.h"
#include "config/dump.h"
#include "config/json_schema.h"
#include "config/types/values.h"

static bool setting_is_set(const void *field)
{
	return ((const struct setting *)field)->value != NULL;
}

static void setting_clear(void *field)
{
	setting_release(field);
}

static void keep(struct setting *setting, const struct node *node, const char *value)
{
	struct setting kept = {.value = mem_text(value), .place = node->place};

	if (node->shown != NULL)
		kept.shown = mem_text(node->shown);
	setting_release(setting);
	*setting = kept;
}

/* What write_setting has written for a stage. */
static bool take_dumped(struct load *load, const struct node *node, struct setting *setting)
{
	const struct node *value = node_find(node, "value"), *shown = node_find(node, "shown");

	if (!load->from_dump || value == NULL || shown == NULL)
		return false;
	keep(setting, value, value->text);
	config_replace(&setting->shown, shown->text);
	return true;
}

/* For a stage with what it may show of the value, since the origin ends here. */
static void write_setting(struct dump *dump, const struct key *key, const void *field)
{
	const struct setting *setting = field;

	(void)key;
	if (!dump->for_stage || setting->shown == NULL) {
		dump_shown(dump, setting->value, setting->shown);
		return;
	}
	buf_text(dump->out, "\n");
	dump_indent(dump, 2);
	buf_text(dump->out, "value:");
	dump_scalar(dump, setting->value);
	dump_indent(dump, 2);
	buf_text(dump->out, "shown:");
	dump_scalar(dump, setting->shown);
}

/* ---- words; Kafka's own documentation writes protocols in capitals */

static bool read_any_case(
	struct load *load, const struct key *key, const struct node *node, void *field)
{
	size_t index;

	if (take_dumped(load, node, field))
		return true;
	for (size_t i = 0; node->kind == NODE_SCALAR && key->words[i] != NULL; i++) {
		if (strcasecmp(node->text, key->words[i]) == 0) {
			keep(field, node, key->words[i]);
			return true;
		}
	}
	return value_word(load, key, node, key->words, &index); /* reports it */
}

static void any_case_forms(struct forms *forms, const struct key *key)
{
	struct buf pattern = {0};

	for (size_t i = 0; key->words[i] != NULL; i++) {
		buf_text(&pattern, i == 0 ? "^(?:" : "|");
		for (const char *at = key->words[i]; *at != '\0'; at++)
			buf_printf(&pattern, isalpha((unsigned char)*at) ? "[%c%c]" : "%c",
				tolower((unsigned char)*at), toupper((unsigned char)*at));
	}
	buf_text(&pattern, ")$");
	buf_byte(&pattern, '\0');
	form_pattern(forms, (const char *)pattern.data);
	buf_release(&pattern);
}

const struct value_type protocol_type = {.read = read_any_case,
	.forms = any_case_forms,
	.write = write_setting,
	.is_set = setting_is_set,
	.clear = setting_clear};
const struct value_type mechanism_type = {.read = read_any_case,
	.forms = any_case_forms,
	.write = write_setting,
	.is_set = setting_is_set,
	.clear = setting_clear};

/* ---- user and password */

static bool read_credential(
	struct load *load, const struct key *key, const struct node *node, void *field)
{
	if (take_dumped(load, node, field))
		return true;
	if (!value_line(load, key, node, "a text"))
		return false;
	keep(field, node, node->text);
	return true;
}

const struct value_type credential_type = {.read = read_credential,
	.forms = text_forms,
	.write = write_setting,
	.is_set = setting_is_set,
	.clear = setting_clear};

/* ---- certificates and keys */

bool value_is_pem(const char *text)
{
	return strncmp(text, "-----BEGIN ", 11) == 0;
}

/* A path is relative to the configuration's folder, as all paths in it. */
static bool read_pem(struct load *load, const struct key *key, const struct node *node, void *field)
{
	char *path;

	if (take_dumped(load, node, field))
		return true;
	if (node->kind == NODE_SCALAR && (value_is_pem(node->text) || load->from_dump)) {
		keep(field, node, node->text);
		return true;
	}
	if (!value_line(load, key, node, "a path, or a text in PEM"))
		return false;
	path = config_path(load->config->directory, node->text);
	keep(field, node, path);
	free(path);
	return true;
}

static void pem_forms(struct forms *forms, const struct key *key)
{
	form_pattern(forms, "^-----BEGIN ");
	text_forms(forms, key);
}

const struct value_type pem_type = {.read = read_pem,
	.forms = pem_forms,
	.write = write_setting,
	.is_set = setting_is_set,
	.clear = setting_clear};

/* ---- tokenCommand, command */

enum { ARGUMENTS_MAX = 64 };

static bool read_command(
	struct load *load, const struct key *key, const struct node *node, void *field)
{
	static const char what[] = "a list: a program, and its arguments ([get-token, --scope, kafka])";
	struct texts *command = field;
	bool good = true;

	if (node->kind != NODE_LIST || node->count == 0)
		return value_expected(load, key, node, what);
	if (node->count > ARGUMENTS_MAX)
		return value_wrong(load, key, node, "more than %d arguments", ARGUMENTS_MAX);
	for (size_t i = 0; i < node->count; i++) {
		const struct node *item = node->entries[i].value;

		if (item->kind == NODE_BAD || !value_scalar(load, key, item, "a text"))
			good = false;
		else if (i == 0 && item->text[0] == '\0')
			good = value_expected(load, key, item, "a program");
	}
	for (size_t i = 0; good && i < node->count; i++) {
		const char *text = node->entries[i].value->text;
		char *path = i == 0 && strchr(text, '/') != NULL && !load->from_dump
				     ? config_path(load->config->directory, text)
				     : NULL;

		texts_add(command, path != NULL ? path : text);
		free(path);
	}
	if (good && !load->from_dump && !load->quiet && strchr(command->items[0], '/') != NULL &&
		access(command->items[0], X_OK) < 0)
		diag_warning(load->diagnostics, node->place,
			"%s: there is no program '%.200s' here", load->path,
			value_part(node->entries[0].value, command->items[0]));
	return good;
}

static void command_forms(struct forms *forms, const struct key *key)
{
	char schema[128];

	(void)key;
	snprintf(schema, sizeof schema,
		"{\"type\": \"array\", \"minItems\": 1, \"maxItems\": %d, \"items\": " FORM_SCALAR "}",
		ARGUMENTS_MAX);
	form_json(forms, schema);
	forms->no_text = true;
}

const struct value_type command_type = {.read = read_command,
	.forms = command_forms,
	.write = texts_write,
	.is_set = texts_are_set,
	.clear = texts_clear};
