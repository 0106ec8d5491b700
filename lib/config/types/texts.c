/* Texts and words; see values.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/address.h"
#include "base/text.h"
#include "config/dump.h"
#include "config/kinds/kinds.h"
#include "config/json_schema.h"
#include "config/types/values.h"

bool text_is_set(const void *field)
{
	return *(char *const *)field != NULL;
}

void text_clear(void *field)
{
	char **text = field;

	free(*text);
	*text = NULL;
}

void text_write(struct dump *dump, const struct key *key, const void *field)
{
	(void)key;
	dump_scalar(dump, *(char *const *)field);
}

static bool read_text(
	struct load *load, const struct key *key, const struct node *node, void *field)
{
	if (!value_line(load, key, node, "a text"))
		return false;
	if (key->high > 0 && strlen(node->text) > (size_t)key->high)
		return value_wrong(load, key, node, "longer than %lld bytes", (long long)key->high);
	config_replace(field, node->text);
	return true;
}

void text_forms(struct forms *forms, const struct key *key)
{
	form_text(forms, key->high);
}

const struct value_type text_type = {
	.read = read_text,
	.forms = text_forms,
	.write = text_write, .is_set = text_is_set, .clear = text_clear};

static bool read_address(
	struct load *load, const struct key *key, const struct node *node, void *field)
{
	struct sockaddr_storage address;
	socklen_t length;

	if (!value_line(load, key, node, "an address and a port"))
		return false;
	if (!address_parse(node->text, &address, &length))
		return value_expected(
			load, key, node, "an address and a port (127.0.0.1:9095, [::1]:9095)");
	config_replace(field, node->text);
	return true;
}

static void address_forms(struct forms *forms, const struct key *key)
{
	(void)key;
	form_number(forms, true, 1, 65535);
	form_pattern(forms, "^(?:(?:[0-9]+(?:\\.[0-9]+){3}|localhost|\\[[0-9A-Fa-f:.]+\\]):)?[0-9]+$");
}

const struct value_type address_type = {
	.read = read_address,
	.forms = address_forms,
	.write = text_write, .is_set = text_is_set, .clear = text_clear};

static bool read_host(
	struct load *load, const struct key *key, const struct node *node, void *field)
{
	uint8_t address[16];

	if (!value_line(load, key, node, "an IP address"))
		return false;
	if (inet_pton(AF_INET, node->text, address) != 1 && inet_pton(AF_INET6, node->text, address) != 1)
		return value_expected(load, key, node, "an IP address (127.0.0.1, ::1, 0.0.0.0)");
	config_replace(field, node->text);
	return true;
}

static void host_forms(struct forms *forms, const struct key *key)
{
	(void)key;
	form_pattern(forms, "^(?:[0-9]+(?:\\.[0-9]+){3}|[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*)$");
}

const struct value_type host_type = {
	.read = read_host,
	.forms = host_forms,
	.write = text_write, .is_set = text_is_set, .clear = text_clear};

static bool read_request_path(
	struct load *load, const struct key *key, const struct node *node, void *field)
{
	const char *text = node->text;

	if (!value_line(load, key, node, "a path"))
		return false;
	if (strcmp(text, "none") != 0 && (text[0] != '/' || strpbrk(text, " ?#") != NULL))
		return value_expected(load, key, node, "a path such as '/healthz', or none");
	config_replace(field, text);
	return true;
}

static void request_path_forms(struct forms *forms, const struct key *key)
{
	(void)key;
	form_pattern(forms, "^(?:none|/[^ ?#\\x00-\\x1f\\x7f]*)$");
}

const struct value_type request_path_type = {
	.read = read_request_path,
	.forms = request_path_forms,
	.write = text_write, .is_set = text_is_set, .clear = text_clear};

static bool read_path(
	struct load *load, const struct key *key, const struct node *node, void *field)
{
	char **path = field;

	if (!value_line(load, key, node, "the path of a file"))
		return false;
	free(*path);
	*path = config_path(load->config->directory, node->text);
	if (!load->from_dump && !load->quiet && access(*path, R_OK) < 0)
		return value_wrong(load, key, node, "cannot read '%.200s': %s", node_shown(node), strerror(errno));
	return true;
}

const struct value_type path_type = {
	.read = read_path,
	.forms = text_forms,
	.write = text_write, .is_set = text_is_set, .clear = text_clear};

static bool read_place(
	struct load *load, const struct key *key, const struct node *node, void *field)
{
	char **path = field;

	if (!value_line(load, key, node, "a path"))
		return false;
	free(*path);
	*path = config_path(load->config->directory, node->text);
	return true;
}

const struct value_type place_type = {
	.read = read_place,
	.forms = text_forms,
	.write = text_write, .is_set = text_is_set, .clear = text_clear};

/* ---- words ---- */

_Static_assert(
	sizeof(enum record_format) == sizeof(unsigned) && sizeof(enum file_start) == sizeof(unsigned) &&
		sizeof(enum ordering) == sizeof(unsigned) && sizeof(enum on_failure) == sizeof(unsigned) &&
		sizeof(enum handler_log) == sizeof(unsigned) &&
		sizeof(enum isolation) == sizeof(unsigned),
	"a choice is stored as the number of its word");

static bool read_choice(
	struct load *load, const struct key *key, const struct node *node, void *field)
{
	size_t index;

	if (!value_word(load, key, node, key->words, &index))
		return false;
	*(unsigned *)field = (unsigned)index;
	return true;
}

static void write_choice(struct dump *dump, const struct key *key, const void *field)
{
	dump_scalar(dump, key->words[*(const unsigned *)field]);
}

void word_forms(struct forms *forms, const struct key *key)
{
	form_words(forms, key->words);
}

const struct value_type choice_type = {.read = read_choice, .forms = word_forms, .write = write_choice};

/* ---- kinds ---- */

/* The names of those that there are, NULL-terminated; returns their number. */
static size_t name_kinds(const char *words[KINDS_MAX + 1], const struct kind *const *kinds)
{
	size_t count = 0;

	for (size_t i = 0; kinds[i] != NULL && count < KINDS_MAX; i++)
		if (kinds[i]->absent == NULL)
			words[count++] = kinds[i]->name;
	words[count] = NULL;
	return count;
}

/* Appends the kinds that there are, comma-separated, and a NUL. */
static void list_kinds(struct buf *out, const struct kind *const *kinds)
{
	const char *words[KINDS_MAX + 1];

	name_kinds(words, kinds);
	value_list_words(out, words);
}

/* The kind that was probably meant, or NULL. */
static const char *nearest_kind(const struct kind *const *kinds, const char *name)
{
	const char *words[KINDS_MAX + 1];
	size_t count = name_kinds(words, kinds);

	return text_nearest(name, words, count);
}

static void report_kind(struct load *load, const struct key *key, const struct node *node,
	const struct kind *found, const char *list)
{
	const struct kind *const *kinds = load->section->kinds;
	const char *near = nearest_kind(kinds, node->text);
	bool is_source = kinds == source_kinds;
	const struct kind *const *others = is_source ? sink_kinds : source_kinds;

	if (found != NULL) {
		value_wrong(load, key, node, "kind '%s' %s (%s)", found->name, found->absent, list);
		return;
	}
	if (near != NULL) {
		value_wrong(load, key, node, "unknown kind '%.60s' (did you mean '%s'?)",
			node_shown(node), near);
		return;
	}
	for (size_t i = 0; others[i] != NULL; i++) {
		if (strcmp(others[i]->name, node->text) == 0) {
			value_wrong(load, key, node, "'%s' is a kind of %s only (%s)",
				node_shown(node), is_source ? "sink" : "source", list);
			return;
		}
	}
	value_wrong(load, key, node, "unknown kind '%.60s' (%s)", node_shown(node), list);
}

static bool read_kind(
	struct load *load, const struct key *key, const struct node *node, void *field)
{
	const struct kind *kind = NULL;
	struct buf list = {0};
	bool good = false;

	list_kinds(&list, load->section->kinds);
	if (value_line(load, key, node, (const char *)list.data)) {
		kind = schema_kind(load->section, node->text);
		good = kind != NULL && kind->absent == NULL;
		if (good)
			config_replace(field, kind->name);
		else
			report_kind(load, key, node, kind, (const char *)list.data);
	}
	buf_release(&list);
	return good;
}

static void kind_forms(struct forms *forms, const struct key *key)
{
	const char *words[KINDS_MAX + 1];

	(void)key;
	name_kinds(words, forms->section->kinds);
	form_words(forms, words);
}

const struct value_type kind_type = {
	.read = read_kind,
	.forms = kind_forms,
	.write = text_write, .is_set = text_is_set, .clear = text_clear};

/* ---- true or false ---- */

static bool read_switch(
	struct load *load, const struct key *key, const struct node *node, void *field)
{
	(void)field;
	if (!value_scalar(load, key, node, "true or false"))
		return false;
	if (strcasecmp(node->text, "true") != 0 && strcasecmp(node->text, "false") != 0)
		return value_expected(load, key, node, "true or false");
	return true;
}

static bool read_bool(
	struct load *load, const struct key *key, const struct node *node, void *field)
{
	if (!read_switch(load, key, node, NULL))
		return false;
	*(bool *)field = strcasecmp(node->text, "true") == 0;
	return true;
}

static void bool_forms(struct forms *forms, const struct key *key)
{
	(void)key;
	form_bool(forms);
	form_pattern(forms, "^(?:[Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee])$");
}

static void write_bool(struct dump *dump, const struct key *key, const void *field)
{
	(void)key;
	buf_text(dump->out, *(const bool *)field ? " true\n" : " false\n");
}

const struct value_type bool_type = {.read = read_bool, .forms = bool_forms, .write = write_bool};
const struct value_type switch_type = {.read = read_switch, .forms = bool_forms}; /* rules.c acts on it */

/* ---- keys that are read only ---- */

static bool read_no_effect(
	struct load *load, const struct key *key, const struct node *node, void *field)
{
	(void)key;
	(void)field;
	if (!load->quiet)
		diag_info(load->diagnostics, node->place, "%s has no effect any more", load->path);
	return true;
}

const struct value_type no_effect_type = {.read = read_no_effect};
