/* Keys that the schema doesn't know, and which one was probably meant. */
#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "config/schema.h"

enum { KEYS_MAX = 64 };

/* The key that other programs call by this name. */
static const char *known_as(const struct section *section, const char *name)
{
	char word[66];
	size_t length = strlen(name);
	const struct kind *kind;
	const struct key *key;

	if (length == 0 || length > 60 || strchr(name, ' ') != NULL)
		return NULL;
	word[0] = ' ';
	memcpy(word + 1, name, length);
	memcpy(word + 1 + length, " ", 2);
	for (size_t i = 0; (key = schema_key(section, i, &kind)) != NULL; i++)
		if (key->also != NULL && strcasestr(key->also, word) != NULL)
			return key->name;
	return NULL;
}

/* The name without `_` and `-`: consumer_group and consumer-group are consumerGroup. */
static void squeeze(char out[64], const char *name)
{
	size_t length = 0;

	for (; *name != '\0' && length < 63; name++)
		if (*name != '_' && *name != '-')
			out[length++] = *name;
	out[length] = '\0';
}

static const char *nearest(const struct section *section, const char *name)
{
	const char *names[KEYS_MAX];
	const struct kind *kind;
	const struct key *key;
	const char *best;
	char squeezed[64];
	size_t count = 0;

	for (; count < KEYS_MAX && (key = schema_key(section, count, &kind)) != NULL; count++)
		names[count] = key->name;
	assert(count < KEYS_MAX);
	squeeze(squeezed, name);
	for (size_t i = 0; i < count; i++)
		if (strcasecmp(squeezed, names[i]) == 0)
			return names[i];
	best = known_as(section, name);
	return best != NULL ? best : text_nearest(name, names, count);
}

/* Where else a key of one name belongs. */
struct owners {
	const char *name;
	const struct section *but; /* the section that doesn't know it */
	const struct key *last;    /* the keys of the section that was added last, */
	const char *last_name;     /* and its name, which sections of several kinds have */
	struct buf text;           /* "'source' or 'sink'" */
};

static void add_owners(struct owners *owners, const struct section *in)
{
	const struct kind *kind;
	const struct key *key;

	/* deadLetter follows sink and has the same keys: one of them is enough. */
	if (in != owners->but && in->keys != owners->last &&
		(owners->last_name == NULL || strcmp(in->name, owners->last_name) != 0) &&
		schema_find(in, NULL, owners->name) != NULL) {
		buf_text(&owners->text, owners->text.length > 0 ? " or " : "");
		if (in == &schema_top)
			buf_text(&owners->text, "the top level");
		else
			buf_printf(&owners->text, "'%s'", in->name);
		owners->last = in->keys;
		owners->last_name = in->name;
	}
	for (size_t i = 0; (key = schema_key(in, i, &kind)) != NULL; i++)
		if (key->section != NULL)
			add_owners(owners, key->section);
}

/* `topic` and `topics`: nearer than the same word in another section. */
static bool alike(const char *a, const char *b)
{
	size_t length = strlen(a) < strlen(b) ? strlen(a) : strlen(b);

	return strncasecmp(a, b, length) == 0;
}

void schema_unknown(struct load *load, const struct section *section, const struct node *key)
{
	const char *name = key->text, *shown = node_shown(key);
	struct owners owners = {.name = name, .but = section};
	const char *near = nearest(section, name);
	const char *in = section == &schema_top ? "" : " in ";
	bool elsewhere;

	add_owners(&owners, section); /* those inside of it come first */
	if (owners.text.length == 0)
		add_owners(&owners, &schema_top);
	elsewhere = owners.text.length > 0;
	if (near != NULL && (!elsewhere || known_as(section, name) != NULL || alike(name, near)))
		diag_error(load->diagnostics, key->place,
			"unknown key '%.60s'%s%s (did you mean '%s'?)", shown, in, section->name,
			near);
	else if (elsewhere)
		diag_error(load->diagnostics, key->place,
			"unknown key '%.60s'%s%s (it belongs to %.*s)", shown, in, section->name,
			(int)owners.text.length, (const char *)owners.text.data);
	else if (strchr(name, '.') != NULL && schema_find(section, NULL, "properties") != NULL)
		diag_error(load->diagnostics, key->place,
			"unknown key '%.60s' in %s (settings of librdkafka belong to "
			"'%s.properties')",
			shown, section->name, section->name);
	else
		diag_error(load->diagnostics, key->place, "unknown key '%.60s'%s%s", shown, in,
			section->name);
	buf_release(&owners.text);
}
