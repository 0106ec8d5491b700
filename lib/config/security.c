/* What the keys of `security` and tokenCommand say about one another and about the properties, and what
 * they mean to librdkafka. bruco.yaml(5) has the rules. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "config/schema.h"
#include "config/types/values.h"

enum role { PROTOCOL, MECHANISM, USERNAME, PASSWORD, CA, CERTIFICATE, KEY, ROLES };

/* A key, and all properties that do the same: the first for a word or a path, the second for PEM. */
static const struct {
	const char *key;
	size_t field;
	const char *names[4]; /* up to a NULL */
} roles[ROLES] = {
	[PROTOCOL] = {"protocol", offsetof(struct security_config, protocol),
		{"security.protocol"}},
	[MECHANISM] = {"mechanism", offsetof(struct security_config, mechanism),
		{"sasl.mechanism", "sasl.mechanisms"}},
	[USERNAME] = {"username", offsetof(struct security_config, username), {"sasl.username"}},
	[PASSWORD] = {"password", offsetof(struct security_config, password), {"sasl.password"}},
	[CA] = {"ca", offsetof(struct security_config, ca), {"ssl.ca.location", "ssl.ca.pem"}},
	[CERTIFICATE] = {"certificate", offsetof(struct security_config, certificate),
		{"ssl.certificate.location", "ssl.certificate.pem", "ssl.keystore.location"}},
	[KEY] = {"key", offsetof(struct security_config, key),
		{"ssl.key.location", "ssl.key.pem", "ssl.keystore.location"}},
};

/* One of source, sink and deadLetter. */
struct client {
	struct load *load;
	const char *section;
	struct security_config *security;
	const struct settings *properties;
	const struct setting *given[ROLES];      /* by `security`; NULL: not */
	const struct setting *properties_own[ROLES]; /* by `properties` */
	struct config_place command_place;
	bool command;
};

static const struct setting *property(const struct settings *properties, const char *name)
{
	for (size_t i = 0; i < properties->count; i++)
		if (strcmp(properties->items[i].name, name) == 0)
			return &properties->items[i];
	return NULL;
}

static const struct setting *property_of(const struct settings *properties, enum role role)
{
	const struct setting *found = NULL;

	for (size_t i = 0; found == NULL && roles[role].names[i] != NULL; i++)
		found = property(properties, roles[role].names[i]);
	return found;
}

static bool has(const struct client *client, enum role role)
{
	return client->given[role] != NULL || client->properties_own[role] != NULL;
}

/* The properties win. NULL: nobody says. */
static const char *value(const struct client *client, enum role role)
{
	const struct setting *setting = client->properties_own[role] != NULL
						? client->properties_own[role]
						: client->given[role];

	return setting == NULL ? NULL : setting->value;
}

static bool is_sasl(const char *protocol)
{
	return protocol != NULL && strncasecmp(protocol, "sasl_", 5) == 0;
}

static bool is_tls(const char *protocol)
{
	return protocol != NULL &&
	       (strcasecmp(protocol, "ssl") == 0 || strcasecmp(protocol, "sasl_ssl") == 0);
}

/* Without a word about it nothing secret goes over a connection that all can read. */
static const char *protocol_of(const struct client *client)
{
	if (has(client, PROTOCOL))
		return value(client, PROTOCOL);
	if (has(client, MECHANISM) || has(client, USERNAME) || has(client, PASSWORD) ||
		client->command)
		return "sasl_ssl";
	return has(client, CA) || has(client, CERTIFICATE) || has(client, KEY) ? "ssl" : NULL;
}

/* NULL: there is none, or it would have to be said. */
static const char *mechanism_of(const struct client *client)
{
	if (has(client, MECHANISM))
		return value(client, MECHANISM);
	if (client->command)
		return "OAUTHBEARER";
	if ((has(client, USERNAME) || has(client, PASSWORD)) && is_tls(protocol_of(client)))
		return "PLAIN";
	return NULL;
}

static bool is(const char *word, const char *other)
{
	return word != NULL && strcasecmp(word, other) == 0;
}

/* ---- mistakes */

#define WRONG(client, role, ...)                                                                   \
	diag_error((client)->load->diagnostics, (client)->given[role]->place, __VA_ARGS__)

/* Keys that a protocol has no use for. */
static void check_protocol(struct client *client)
{
	static const enum role users[] = {MECHANISM, USERNAME, PASSWORD};
	static const enum role files[] = {CA, CERTIFICATE, KEY};
	const char *protocol = protocol_of(client);

	for (size_t i = 0; i < 3 && !is_sasl(protocol); i++)
		if (client->given[users[i]] != NULL)
			WRONG(client, users[i],
				"%s.security.%s: there are no users with protocol '%s' (expected %s)",
				client->section, roles[users[i]].key, protocol,
				is_tls(protocol) ? "sasl_ssl" : "sasl_plaintext or sasl_ssl");
	for (size_t i = 0; i < 3 && protocol != NULL && !is_tls(protocol); i++)
		if (client->given[files[i]] != NULL)
			WRONG(client, files[i],
				"%s.security.%s: there is no TLS with protocol '%s' (expected %s)",
				client->section, roles[files[i]].key, protocol,
				is_sasl(protocol) ? "sasl_ssl" : "ssl or sasl_ssl");
	if (client->command && !is_sasl(protocol))
		diag_error(client->load->diagnostics, client->command_place,
			"%s.tokenCommand: there are no tokens with protocol '%s' (expected %s)",
			client->section, protocol,
			is_tls(protocol) ? "sasl_ssl" : "sasl_plaintext or sasl_ssl");
}

static void check_pair(struct client *client, enum role role, enum role other)
{
	if (client->given[role] == NULL || has(client, other))
		return;
	WRONG(client, role, "%s.security.%s: '%s' is missing%s", client->section, roles[role].key,
		roles[other].key,
		role == CERTIFICATE ? " (if one file has both, name it twice)" : "");
}

static bool has_users(const char *mechanism)
{
	return is(mechanism, "PLAIN") || is(mechanism, "SCRAM-SHA-256") ||
	       is(mechanism, "SCRAM-SHA-512");
}

static void check_users(struct client *client, const char *mechanism)
{
	static const enum role users[] = {USERNAME, PASSWORD};

	for (size_t i = 0; i < 2; i++) {
		if (has_users(mechanism) && client->given[MECHANISM] != NULL && !has(client, USERNAME) &&
			!has(client, PASSWORD)) {
			WRONG(client, MECHANISM, "%s.security.mechanism: '%s' needs 'username' and 'password'",
				client->section, mechanism);
			return;
		}
		if (has_users(mechanism))
			check_pair(client, users[i], users[1 - i]);
		else if (client->given[users[i]] != NULL)
			WRONG(client, users[i],
				"%s.security.%s: mechanism '%s' has no use for it", client->section,
				roles[users[i]].key, mechanism);
	}
}

/* Whether librdkafka gets tokens by itself, as the properties say. */
static bool has_own_tokens(const struct client *client)
{
	const struct setting *method = property(client->properties, "sasl.oauthbearer.method");
	const struct setting *unsecured =
		property(client->properties, "enable.sasl.oauthbearer.unsecure.jwt");

	return (method != NULL && is(method->value, "oidc")) ||
	       (unsecured != NULL && is(unsecured->value, "true"));
}

static void check_command(struct client *client, const char *mechanism)
{
	if (client->command && !is(mechanism, "OAUTHBEARER"))
		diag_error(client->load->diagnostics, client->command_place,
			"%s.tokenCommand: it is for mechanism OAUTHBEARER, not for '%s'",
			client->section, mechanism);
	else if (client->command && has_own_tokens(client))
		diag_error(client->load->diagnostics, client->command_place,
			"%s.tokenCommand: the properties say that librdkafka gets tokens by itself",
			client->section);
	else if (!client->command && is(mechanism, "OAUTHBEARER") &&
		 client->given[MECHANISM] != NULL && !has_own_tokens(client))
		WRONG(client, MECHANISM, "%s.security.mechanism: OAUTHBEARER needs '%s.tokenCommand'",
			client->section, client->section);
}

static void check_mechanism(struct client *client)
{
	const char *mechanism = mechanism_of(client), *protocol = protocol_of(client);
	enum role user = client->given[USERNAME] != NULL ? USERNAME : PASSWORD;

	if (!is_sasl(protocol))
		return;
	if (mechanism == NULL && client->given[user] != NULL)
		WRONG(client, user,
			"%s.security.%s: 'mechanism' is missing: without TLS, PLAIN would show the "
			"password to all (SCRAM-SHA-256 and SCRAM-SHA-512 do not)",
			client->section, roles[user].key);
	else if (mechanism == NULL && client->given[PROTOCOL] != NULL)
		WRONG(client, PROTOCOL,
			"%s.security.protocol: '%s' needs a 'mechanism', or 'username' and "
			"'password', or '%s.tokenCommand'",
			client->section, protocol, client->section);
	if (mechanism == NULL)
		return;
	check_users(client, mechanism);
	check_command(client, mechanism);
}

static void tell_overridden(struct client *client)
{
	char at[DIAG_AT_MAX];

	for (size_t role = 0; role < ROLES; role++) {
		const struct setting *own = client->properties_own[role];

		if (client->given[role] == NULL || own == NULL)
			continue;
		diag_at(at, client->load->config, own->place);
		diag_warning(client->load->diagnostics, client->given[role]->place,
			"%s.security.%s has no effect with the property '%s' (at %s)",
			client->section, roles[role].key, own->name, at);
	}
}

/* ---- what it means */

/* What is to be shown of the value goes by where it comes from. */
static void derive(struct client *client, const char *name, const char *text,
	const struct setting *from)
{
	struct setting *setting = settings_set(&client->security->derived, name, text);

	config_replace(&setting->shown, from != NULL ? from->shown : NULL);
	if (from != NULL)
		setting->place = from->place;
}

static void derive_all(struct client *client)
{
	const char *protocol = protocol_of(client), *mechanism = mechanism_of(client);

	settings_release(&client->security->derived);
	if (!has(client, PROTOCOL) && protocol != NULL)
		derive(client, "security.protocol", protocol, NULL);
	if (!has(client, MECHANISM) && mechanism != NULL)
		derive(client, "sasl.mechanism", mechanism, NULL);
	for (size_t role = 0; role < ROLES; role++) {
		const struct setting *given = client->given[role];

		if (given != NULL && client->properties_own[role] == NULL)
			derive(client, roles[role].names[value_is_pem(given->value) ? 1 : 0],
				given->value, given);
	}
}

/* Files that no handler needs to see, at level strict. */
static void hide_files(struct client *client)
{
	static const char *const names[] = {"ssl.key.location", "ssl.certificate.location",
		"ssl.keystore.location", "sasl.kerberos.keytab"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		const struct setting *own = property(client->properties, names[i]);

		if (own == NULL)
			own = property(&client->security->derived, names[i]);
		if (own != NULL)
			texts_add(&client->load->config->secret_files, own->value);
	}
}

/* ---- a client */

/* Whether a key of this section has a wrong value, or one that this program does not know. */
static bool is_mistaken(const struct client *client)
{
	const struct config *config = client->load->config;
	char path[64];

	for (size_t role = 0; role < ROLES; role++) {
		snprintf(path, sizeof path, "%s.security.%s", client->section, roles[role].key);
		if (config_mistaken(config, path))
			return true;
	}
	snprintf(path, sizeof path, "%s.tokenCommand", client->section);
	if (config_mistaken(config, path))
		return true;
	snprintf(path, sizeof path, "%s.properties", client->section);
	return config_mistaken(config, path);
}

static void check_client(struct load *load, const char *section, struct security_config *security,
	const struct settings *properties)
{
	struct client client = {.load = load,
		.section = section,
		.security = security,
		.properties = properties,
		.command = security->token_command.count > 0};
	bool any = client.command;
	const struct node *node;
	char path[64];

	for (size_t role = 0; role < ROLES; role++) {
		const struct setting *given =
			(const void *)((const char *)security + roles[role].field);

		client.given[role] = given->value == NULL ? NULL : given;
		client.properties_own[role] = property_of(properties, (enum role)role);
		any = any || given->value != NULL;
	}
	if (is_mistaken(&client))
		return;
	if (any && !load->from_dump) {
		snprintf(path, sizeof path, "%s.tokenCommand", section);
		node = yaml_tree_at(load->root, path);
		client.command_place = node == NULL ? NO_PLACE : node->place;
		check_protocol(&client);
		check_pair(&client, CERTIFICATE, KEY);
		check_pair(&client, KEY, CERTIFICATE);
		check_mechanism(&client);
		tell_overridden(&client);
	}
	if (any)
		derive_all(&client);
	hide_files(&client);
}

void security_check(struct load *load)
{
	struct config *config = load->config;

	if (load->sections & SECTION_SOURCE)
		check_client(load, "source", &config->source.security, &config->source.properties);
	if (!(load->sections & SECTION_SINK))
		return;
	check_client(load, "sink", &config->sink.security, &config->sink.properties);
	check_client(load, "deadLetter", &config->dead_letter.security,
		&config->dead_letter.properties);
}

bool config_has_properties(
	const struct security_config *security, const struct settings *properties)
{
	return security->derived.count > 0 || properties->count > 0;
}

void config_security_release(struct security_config *security)
{
	for (size_t role = 0; role < ROLES; role++)
		setting_release((void *)((char *)security + roles[role].field));
	texts_release(&security->token_command);
	settings_release(&security->derived);
}

static void wipe(struct setting *setting)
{
	if (setting->value != NULL && setting->shown != NULL)
		explicit_bzero(setting->value, strlen(setting->value));
}

void config_wipe_client(struct security_config *security, struct settings *properties)
{
	struct settings *all[] = {&security->derived, properties};

	wipe(&security->username);
	wipe(&security->password);
	wipe(&security->key);
	for (size_t i = 0; i < 2; i++)
		for (size_t j = 0; j < all[i]->count; j++)
			wipe(&all[i]->items[j]);
}
