/* Values about the handler: folders, modules and classes of Python, its user; see values.h. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "config/dump.h"
#include "config/json_schema.h"
#include "config/types/values.h"

static bool read_handler_path(
	struct load *load, const struct key *key, const struct node *node, void *field)
{
	char **path = field;

	if (!value_line(load, key, node, "a path"))
		return false;
	free(*path);
	*path = config_path(load->config->directory, node->text);
	load->config->processor.handler_path_place = node->place;
	return true;
}

const struct value_type handler_path_type = {
	.read = read_handler_path,
	.forms = text_forms,
	.write = text_write, .is_set = text_is_set, .clear = text_clear};

static bool read_python(
	struct load *load, const struct key *key, const struct node *node, void *field)
{
	char **path = field;

	if (!value_line(load, key, node, "the path of a virtual environment or of a Python"))
		return false;
	if (node->text[0] == '~')
		return value_wrong(load, key, node,
			"'~' is not expanded here (write '${HOME}%.80s')",
			node->shown != NULL ? "" : strchrnul(node->text, '/'));
	free(*path);
	*path = config_path(load->config->directory, node->text);
	load->config->processor.python_place = node->place;
	return true;
}

static void python_forms(struct forms *forms, const struct key *key)
{
	(void)key;
	form_pattern(forms, "^[^~\\x00-\\x1f\\x7f][^\\x00-\\x1f\\x7f]*$");
}

const struct value_type python_type = {
	.read = read_python,
	.forms = python_forms,
	.write = text_write, .is_set = text_is_set, .clear = text_clear};

static bool read_user(
	struct load *load, const struct key *key, const struct node *node, void *field)
{
	if (!value_line(load, key, node, "the name of a user"))
		return false;
	config_replace(field, node->text);
	load->config->processor.user_place = node->place;
	return true;
}

const struct value_type user_type = {
	.read = read_user,
	.forms = text_forms,
	.write = text_write, .is_set = text_is_set, .clear = text_clear};

static bool read_module(
	struct load *load, const struct key *key, const struct node *node, void *field)
{
	const char *text = node->text;
	size_t length;

	if (!value_line(load, key, node, "the name of a Python module"))
		return false;
	length = strlen(text);
	if (length > 3 && strcmp(text + length - 3, ".py") == 0 && node->shown == NULL)
		return value_wrong(load, key, node,
			"expected a module, found the file '%.80s' (write '%.*s')", text,
			(int)(length - 3 > 80 ? 80 : length - 3), text);
	if (strpbrk(text, "/\\ :") != NULL || text[0] == '.' || text[length - 1] == '.' ||
		strstr(text, "..") != NULL)
		return value_expected(load, key, node,
			"the name of a Python module such as 'handler' or 'pkg.handler'");
	config_replace(field, text);
	load->config->processor.module_name_place = node->place;
	return true;
}

static void module_forms(struct forms *forms, const struct key *key)
{
	(void)key;
	form_pattern(forms, "^(?!\\.)(?!.*\\.\\.)(?!.+\\.py$)[^/\\\\ :\\x00-\\x1f\\x7f]*"
			    "[^./\\\\ :\\x00-\\x1f\\x7f]$");
}

const struct value_type module_type = {
	.read = read_module,
	.forms = module_forms,
	.write = text_write, .is_set = text_is_set, .clear = text_clear};

/* ---- processor.retry.except ---- */

/* NAME or module.NAME; whether there is such a class only Python can say. */
static bool is_class_name(const char *text)
{
	bool starts = true;

	for (; *text != '\0'; text++) {
		unsigned char byte = (unsigned char)*text;

		if (byte == '.' && starts)
			return false;
		if (byte != '.' && byte != '_' && byte < 0x80 &&
			!(starts ? isalpha(byte) : isalnum(byte)))
			return false;
		starts = byte == '.';
	}
	return !starts;
}

static bool take_class(struct load *load, const struct key *key, const struct node *item,
	const char *text, void *field)
{
	struct buf place = {0};

	if (!is_class_name(text))
		return value_wrong(load, key, item,
			"expected an exception class such as ValueError or module.Class, found "
			"'%.80s'",
			value_part(item, text));
	diag_origin(&place, load->config, item->place);
	buf_byte(&place, '\0');
	settings_set(field, text, (const char *)place.data);
	buf_release(&place);
	return true;
}

/* As config_dump has written it: with the places in the user's file. */
static void take_with_place(struct settings *classes, const struct node *item)
{
	const struct node *name = node_find(item, "name"), *place = node_find(item, "place");

	if (name != NULL && place != NULL)
		settings_set(classes, name->text, place->text);
}

static bool read_classes(
	struct load *load, const struct key *key, const struct node *node, void *field)
{
	if (node_is_null(node) || (node->kind == NODE_LIST && node->count == 0))
		return true;
	if (!load->from_dump)
		return value_each(load, key, node, take_class, field);
	for (size_t i = 0; i < node->count; i++)
		take_with_place(field, node->entries[i].value);
	return true;
}

/* For a stage with the places in the user's file, which it names when it finds no such class. */
static void write_classes(struct dump *dump, const struct key *key, const void *field)
{
	const struct settings *classes = field;

	(void)key;
	buf_text(dump->out, classes->count == 0 ? " []\n" : "\n");
	for (size_t i = 0; i < classes->count; i++) {
		dump_indent(dump, 2);
		buf_text(dump->out, dump->masked ? "-" : "- name:");
		dump_scalar(dump, classes->items[i].name);
		if (dump->masked)
			continue;
		dump_indent(dump, 4);
		buf_text(dump->out, "place:");
		dump_scalar(dump, classes->items[i].value);
	}
}

static void classes_forms(struct forms *forms, const struct key *key)
{
	(void)key;
	form_list(forms, "[A-Za-z_\\x80-\\uffff][0-9A-Za-z_\\x80-\\uffff]*"
			 "(?:\\.[A-Za-z_\\x80-\\uffff][0-9A-Za-z_\\x80-\\uffff]*)*",
		"\"boolean\"", true);
}

const struct value_type classes_type = {.read = read_classes,
	.forms = classes_forms,
	.write = write_classes,
	.is_set = settings_are_set,
	.clear = settings_clear};
