/* Values that only the nats kinds have; see values.h. */
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "config/dump.h"
#include "config/json_schema.h"
#include "config/subjects.h"
#include "config/types/values.h"

/* ---- servers */

static const char *without_scheme(const char *server)
{
	if (strncmp(server, "nats://", 7) == 0)
		return server + 7;
	return strncmp(server, "tls://", 6) == 0 ? server + 6 : server;
}

/* host, host:port, [address]:port; with or without a scheme, and behind one also a user. */
static bool server_is_good(const char *server)
{
	const char *host = without_scheme(server), *at = strrchr(host, '@'), *colon;
	int64_t port;

	if (at != NULL && host == server)
		return false; /* a password there would not be known as one */
	host = at == NULL ? host : at + 1;
	colon = strrchr(host, ':');
	if (host[0] == '\0' || host[0] == ':' || strpbrk(host, " \t/") != NULL)
		return false;
	if (colon == NULL || (host[0] == '[' && host[strlen(host) - 1] == ']'))
		return true;
	return (host[0] == '[' || strchr(host, ':') == colon) && text_integer(colon + 1, 1, 65535, &port);
}

static bool take_server(struct load *load, const struct key *key, const struct node *item,
	const char *text, void *field)
{
	struct buf *servers = field;

	if (!server_is_good(text))
		return value_wrong(load, key, item, "expected host:port or nats://user:password@host:port, found '%.80s'",
			value_part(item, text));
	if (servers->length > 0)
		buf_byte(servers, ',');
	buf_text(servers, text);
	return true;
}

static bool read_servers(
	struct load *load, const struct key *key, const struct node *node, void *field)
{
	struct buf servers = {0};
	bool good;

	if (node->kind == NODE_LIST && node->count == 0)
		return value_wrong(load, key, node, "expected a list, found an empty one");
	good = value_each(load, key, node, take_server, &servers);
	if (good) {
		buf_byte(&servers, '\0');
		config_replace(field, (const char *)servers.data);
	}
	buf_release(&servers);
	return good;
}

static void servers_forms(struct forms *forms, const struct key *key)
{
	(void)key;
	form_list(forms,
		"(?:(?:nats|tls)://(?:[^\\s,/]*@)?)?(?:\\[[^\\s,/\\]]+\\]|[^\\s,/:@\\[][^\\s,/:@]*)(?::[0-9]{1,5})?",
		"\"number\", \"boolean\"", false);
}

const struct value_type nats_servers_type = {
	.read = read_servers,
	.forms = servers_forms,
	.write = text_write, .is_set = text_is_set, .clear = text_clear};

/* ---- subjects */

enum { SUBJECT_MAX = 249 }; /* of a record's topic */

static bool subject_is_good(struct load *load, const struct key *key, const struct node *node,
	const char *subject, bool wildcards)
{
	const char *problem = subject_problem(subject, strlen(subject), wildcards);

	if (problem == NULL && strlen(subject) > SUBJECT_MAX)
		problem = "is longer than 249 bytes";
	return problem == NULL ||
	       value_wrong(load, key, node, "'%.60s' %s", value_part(node, subject), problem);
}

static bool read_subject(
	struct load *load, const struct key *key, const struct node *node, void *field)
{
	if (!value_line(load, key, node, "a subject") || !subject_is_good(load, key, node, node->text, false))
		return false;
	config_replace(field, node->text);
	return true;
}

static bool read_pattern(
	struct load *load, const struct key *key, const struct node *node, void *field)
{
	if (!value_line(load, key, node, "a subject") || !subject_is_good(load, key, node, node->text, true))
		return false;
	config_replace(field, node->text);
	return true;
}

#define TOKEN "[^\\s.,\\x00-\\x1f\\x7f]+"

static void subject_forms(struct forms *forms, const struct key *key)
{
	(void)key;
	form_pattern(forms, "^[^\\s.\\x00-\\x1f\\x7f]+(?:\\.[^\\s.\\x00-\\x1f\\x7f]+)*$");
	form_json(forms, "{\"type\": [\"number\", \"boolean\"]}");
}

const struct value_type nats_subject_type = {
	.read = read_subject,
	.forms = subject_forms,
	.write = text_write, .is_set = text_is_set, .clear = text_clear};
const struct value_type nats_pattern_type = {
	.read = read_pattern,
	.forms = subject_forms,
	.write = text_write, .is_set = text_is_set, .clear = text_clear};

static bool take_pattern(struct load *load, const struct key *key, const struct node *item,
	const char *text, void *field)
{
	if (!subject_is_good(load, key, item, text, true))
		return false;
	texts_add(field, text);
	return true;
}

static bool read_patterns(
	struct load *load, const struct key *key, const struct node *node, void *field)
{
	if ((node->kind == NODE_LIST && node->count == 0) || node_is_null(node))
		return true;
	return value_each(load, key, node, take_pattern, field);
}

static void patterns_forms(struct forms *forms, const struct key *key)
{
	(void)key;
	form_list(forms, TOKEN "(?:\\." TOKEN ")*", "\"number\", \"boolean\"", true);
}

const struct value_type nats_patterns_type = {
	.read = read_patterns,
	.forms = patterns_forms,
	.write = texts_write, .is_set = texts_are_set, .clear = texts_clear};

/* ---- names of queue groups */

static bool read_word(struct load *load, const struct key *key, const struct node *node, void *field)
{
	if (!value_line(load, key, node, "a name"))
		return false;
	if (strpbrk(node->text, " \t") != NULL)
		return value_wrong(load, key, node, "'%.60s' has a blank in it", node_shown(node));
	config_replace(field, node->text);
	return true;
}

static void word_only_forms(struct forms *forms, const struct key *key)
{
	(void)key;
	form_pattern(forms, "^[^\\s\\x00-\\x1f\\x7f]+$");
	form_json(forms, "{\"type\": [\"number\", \"boolean\"]}");
}

const struct value_type nats_word_type = {
	.read = read_word,
	.forms = word_only_forms,
	.write = text_write, .is_set = text_is_set, .clear = text_clear};
