/* struct config back to YAML: what a stage reads again, and what `bruco check --print` shows. */
#include "config/dump.h"

#include <inttypes.h>
#include <string.h>

#include "config/types/values.h"

/* ---- scalars ---- */

/* Whether a text means itself without quotes. `null`, `true` and numbers are texts to the reader,
 * but for those that mean "nothing there". */
static bool is_plain(const char *text)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	const char *at = text;

	if (strchr(letters, text[0]) == NULL && text[0] != '/' && text[0] != '_' && text[0] != '.')
		return false;
	if (text[0] == '\0' || strcasecmp(text, "null") == 0 || strncmp(text, "...", 3) == 0)
		return false;
	for (; *at != '\0'; at++)
		if (strchr(letters, *at) == NULL && strchr("_-./+", *at) == NULL &&
			!(*at == ':' && at[1] != '\0' && strchr(letters, at[1]) != NULL))
			return false;
	return true;
}

/* The character at `at` of well-formed UTF-8 and its length. */
static uint32_t decode(const uint8_t *at, int *length)
{
	uint32_t code;

	*length = *at < 0x80 ? 1 : *at < 0xe0 ? 2 : *at < 0xf0 ? 3 : 4;
	if (*length == 1)
		return *at;
	code = *at & (0x7fU >> *length);
	for (int i = 1; i < *length; i++)
		code = code << 6 | (at[i] & 0x3fU);
	return code;
}

/* What a YAML reader refuses or takes for the end of a line. */
static bool needs_escape(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029 ||
	       code == 0xfeff || code == 0xfffe || code == 0xffff;
}

/* With `doubled`, `$` is a `$` to the reader of a file. */
static void write_text(struct buf *out, const char *text, bool doubled)
{
	int length;

	if (is_plain(text)) {
		buf_text(out, text);
		return;
	}
	buf_byte(out, '"');
	for (const uint8_t *at = (const uint8_t *)text; *at != '\0'; at += length) {
		uint32_t code = decode(at, &length);

		if (code == '"' || code == '\\')
			buf_printf(out, "\\%c", (int)code);
		else if (code == '\n')
			buf_text(out, "\\n");
		else if (code == '$' && doubled)
			buf_text(out, "$$");
		else if (needs_escape(code))
			buf_printf(out, code < 0x100 ? "\\x%02X" : "\\u%04X", (unsigned)code);
		else
			buf_append(out, at, (size_t)length);
	}
	buf_byte(out, '"');
}

void dump_text(struct dump *dump, const char *text)
{
	write_text(dump->out, text, dump->masked);
}

void dump_shown(struct dump *dump, const char *text, const char *shown)
{
	if (!dump->masked || shown == NULL) {
		dump_scalar(dump, text);
		return;
	}
	buf_byte(dump->out, ' ');
	write_text(dump->out, shown, false);
	buf_byte(dump->out, '\n');
}

void dump_scalar(struct dump *dump, const char *text)
{
	buf_byte(dump->out, ' ');
	dump_text(dump, text);
	buf_byte(dump->out, '\n');
}

void dump_number(struct dump *dump, int64_t number)
{
	buf_printf(dump->out, " %" PRId64 "\n", number);
}

void dump_indent(struct dump *dump, unsigned more)
{
	buf_printf(dump->out, "%*s", (int)(dump->indent + more), "");
}

/* ---- what the file gives ---- */

static void write_given(struct dump *dump, const struct node *node)
{
	dump_shown(dump, node->text, node->shown);
}

/* An item with another value may stand in the list for several. */
static void write_given_list(struct dump *dump, const struct node *list)
{
	buf_byte(dump->out, '\n');
	for (size_t i = 0; i < list->count; i++) {
		dump_indent(dump, 2);
		buf_byte(dump->out, '-');
		write_given(dump, list->entries[i].value);
	}
}

static bool has_shown(const struct node *value)
{
	bool any = value->shown != NULL;

	for (size_t i = 0; value->kind == NODE_LIST && i < value->count; i++) {
		if (value->entries[i].value->kind != NODE_SCALAR)
			return false; /* properties and env keep that themselves */
		any = any || value->entries[i].value->shown != NULL;
	}
	return any;
}

void dump_keep_given(struct config *config, const char *path, const struct node *value)
{
	struct buf out = {0};
	struct dump dump = {.out = &out, .masked = true};

	if (!has_shown(value))
		return;
	for (const char *at = path; (at = strchr(at, '.')) != NULL; at++)
		dump.indent += 2;
	if (value->kind == NODE_LIST)
		write_given_list(&dump, value);
	else
		write_given(&dump, value);
	buf_byte(&out, '\0');
	settings_set(&config->given, path, (const char *)out.data);
	buf_release(&out);
}

static bool dump_given(struct dump *dump, const char *path)
{
	const struct settings *given = &dump->config->given;

	for (size_t i = 0; dump->masked && i < given->count; i++) {
		if (strcmp(given->items[i].name, path) == 0) {
			buf_text(dump->out, given->items[i].value);
			return true;
		}
	}
	return false;
}

/* ---- sections ---- */

static void dump_keys(struct dump *dump, const struct section *section);

/* Whether the section is to be written: it is wanted, and there is something in it. */
static bool is_wanted(const struct dump *dump, const struct section *section)
{
	const char *config = (const char *)dump->config;
	unsigned wanted = dump->sections;

	if (wanted & SECTION_POLICY)
		wanted |= SECTION_PROCESSOR;
	if (!(section->bit & wanted))
		return false;
	if (section->kinds != NULL)
		return schema_kind_of(section, dump->config) != NULL;
	return section->present == 0 || *(const bool *)(config + section->present);
}

static void dump_section(struct dump *dump, const struct key *key)
{
	size_t before = dump->out->length, head;

	if (!is_wanted(dump, key->section))
		return;
	dump_indent(dump, 0);
	buf_printf(dump->out, "%s:\n", key->name);
	head = dump->out->length;
	dump->indent += 2;
	dump_keys(dump, key->section);
	dump->indent -= 2;
	if (dump->out->length == head) /* nothing in it is set */
		dump->out->length = before;
}

static void dump_key(struct dump *dump, const struct section *section, const struct key *key)
{
	const void *field = schema_field(section, key, dump->config);
	bool is_set = key->type->is_set == NULL || key->type->is_set(field);
	char path[64];

	if (key->type->write == NULL || (!is_set && key->initial == NULL))
		return;
	if ((key->flags & KEY_WORKER_ONLY) && !(dump->sections & SECTION_PROCESSOR))
		return;
	dump_indent(dump, 0);
	buf_printf(dump->out, "%s:", key->name);
	schema_path(path, section, key);
	if (!dump_given(dump, path))
		key->type->write(dump, key, field);
}

/* The section's own keys, and those of its kind. */
static void dump_keys(struct dump *dump, const struct section *section)
{
	const struct kind *chosen = schema_kind_of(section, dump->config), *kind;
	const struct key *key;

	for (size_t i = 0; (key = schema_key(section, i, &kind)) != NULL; i++) {
		if (kind != NULL && kind != chosen)
			continue;
		if (key->section != NULL)
			dump_section(dump, key);
		else
			dump_key(dump, section, key);
	}
}

enum { ROOM = 16384 };

void config_dump(const struct config *config, unsigned sections, bool masked, struct buf *out)
{
	struct dump dump = {.config = config, .sections = sections, .out = out, .masked = masked, .for_stage = !masked};

	buf_reserve(out, ROOM); /* a buffer that grows leaves copies behind, of secrets, too */
	dump_keys(&dump, &schema_top);
}
