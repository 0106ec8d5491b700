/* Which settings are secret, and how a whole tree is shown; see secrets.h. */
#include "config/secrets.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool ends_in(const char *name, const char *end)
{
	size_t length = strlen(name), tail = strlen(end);

	return length >= tail && strcasecmp(name + length - tail, end) == 0;
}

/* The name is a path's or a public address's, whatever it is the path of; or a command's, whose
 * arguments all can read in /proc. */
static bool names_a_place(const char *name)
{
	static const char *const ends[] = {
		"file", "path", "location", "token.endpoint.url", "command"};

	for (size_t i = 0; i < COUNT(ends); i++)
		if (ends_in(name, ends[i]))
			return true;
	return false;
}

bool secret_name(const char *name)
{
	static const char *const parts[] = {"password", "passwd", "passphrase", "pwd", "secret",
		"token", "credential", "private", "apikey", "api_key", "api-key", "api.key",
		"access_key", "access-key", "accesskey", "accountkey", "sharedkey", "signature",
		"authorization", "ssl.key.pem", "sasl.username", "sasl.oauthbearer.config",
		"sasl.oauthbearer.extensions"};
	static const char *const wholes[] = {"key", "sig", "auth", "pass"};

	if (names_a_place(name))
		return false;
	for (size_t i = 0; i < COUNT(parts); i++)
		if (strcasestr(name, parts[i]) != NULL)
			return true;
	for (size_t i = 0; i < COUNT(wholes); i++)
		if (strcasecmp(name, wholes[i]) == 0)
			return true;
	return ends_in(name, "_key") || ends_in(name, "_pass") || ends_in(name, "_auth");
}

/* ---- trees */

/* A section's own `key` is a path, or a private key in PEM, which is hidden as such. */
static bool is_key_file(const char *map, const char *key)
{
	static const char *const sections[] = {"security", "source", "sink", "deadLetter"};

	for (size_t i = 0; i < COUNT(sections) && strcmp(key, "key") == 0; i++)
		if (strcmp(map, sections[i]) == 0)
			return true;
	return false;
}

static bool entry_is_secret(const char *map, const char *key)
{
	return secret_name(key) && !is_key_file(map, key);
}

/* `map`: the key of which the node is the value. */
static void mark(struct node *node, const char *map, bool secret)
{
	const struct node *named = node_find(node, "name"); /* an item of processor.env */

	node->secret = node->secret || secret;
	if (named != NULL && named->kind == NODE_SCALAR && secret_name(named->text))
		secret = true;
	for (size_t i = 0; i < node->count; i++) {
		const struct entry *entry = &node->entries[i];
		const char *key = entry->key != NULL ? entry->key->text : "";

		mark(entry->value, key,
			entry->value != named && (secret || entry_is_secret(map, key)));
	}
}

void secrets_mark(struct node *root)
{
	mark(root, "", false);
}

static void hide_scalar(struct node *node)
{
	const char *given = node->given != NULL ? node->given : node->text;

	free(node->shown);
	node->shown = secret_mask(given, SECRET_IN_FILE, node->secret);
	if (node->shown == NULL && strstr(given, "${") != NULL)
		node->shown = mem_text(given);
}

/* Somebody may have left out the colon, or written a '=': `sasl.password hunter2`. */
static void hide_key(struct node *key)
{
	char *name = mem_text_n(key->text, strcspn(key->text, " =\t"));

	if (key->text[strlen(name)] != '\0' && secret_name(name))
		key->shown = mem_printf("%s ***", name);
	else
		key->shown = secret_mask(key->text, SECRET_PLAIN, false);
	free(name);
}

void secrets_hide(struct node *node)
{
	if (node->text != NULL)
		hide_scalar(node);
	for (size_t i = 0; i < node->count; i++) {
		if (node->entries[i].key != NULL)
			hide_key(node->entries[i].key);
		secrets_hide(node->entries[i].value);
	}
}
