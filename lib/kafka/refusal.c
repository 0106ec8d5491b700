#include "kafka/refusal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool has_one_of(const char *reason, const char *const *parts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strstr(reason, parts[i]) != NULL)
			return true;
	return false;
}

/* ---- what a reason means */

static const char in_pem[] = "certificate in PEM";
static const char no_gssapi[] = "SASL GSSAPI authentication not supported by broker";

/* A peer's word about our certificate. */
static bool is_alert(const char *reason)
{
	static const char *const alerts[] = {"alert bad certificate", "alert certificate",
		"alert unsupported certificate", "alert unknown ca", "alert access denied"};

	return has_one_of(reason, alerts, COUNT(alerts));
}

/*
 * librdkafka has one code for a SASL refusal and for a SASL exchange that was cut, and one for all
 * of TLS; only its texts tell them apart. Read in 2.0.2, 2.8.0, 2.13.2 and 2.15.0, where they are
 * the same:
 *   "SASL authentication error: TEXT", __AUTHENTICATION   the broker's answer, or a mechanism that
 *           does not trust the broker's proof. When the exchange is cut the code is another
 *   "SASL M mechanism handshake failed: Broker: TEXT"     the broker's answer; "Local: ..." is a
 *           connection that was cut
 *   "Disconnected", __AUTHENTICATION                      cut (SASL of brokers before 1.0)
 *   "Failed to initialize SASL authentication: ..."       no ticket or token yet: no broker's word.
 *           But "SASL GSSAPI authentication not supported by broker" is for ever: see hint_version
 *   "Failed to acquire SASL OAUTHBEARER token: ..."       the same
 * The texts of OpenSSL: "certificate verify failed" is for the chain, the dates and the host's
 * name; an alert is the peer's word about our certificate, after the handshake too with TLS 1.3.
 */
bool kafka_is_refusal(int error, const char *reason)
{
	static const char *const certificates[] = {"certificate verify failed",
		"Failed to verify broker certificate", "did not provide a certificate"};

	switch (error) {
	case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
	case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
		return true;
	case RD_KAFKA_RESP_ERR__AUTHENTICATION:
		return strstr(reason, "SASL authentication error: ") != NULL ||
		       strstr(reason, "mechanism handshake failed: Broker: ") != NULL ||
		       strstr(reason, no_gssapi) != NULL;
	default: /* 0 too: what newer versions only log */
		return has_one_of(reason, certificates, COUNT(certificates)) || is_alert(reason);
	}
}

/* ---- how it is told */

/* What librdkafka's version can't do. */
static const char *hint_version(const char *reason, const char *whom, int version)
{
	if (version < 0x020601ff && strstr(whom, "SCRAM") != NULL &&
		strstr(reason, "SASL authentication error: ") != NULL)
		return "; or it is librdkafka: Kafka refuses SCRAM of a version before 2.6.1";
	if (version < 0x020800ff && is_alert(reason) &&
		(strcmp(whom, in_pem) == 0 || strncmp(whom, "keystore", 8) == 0))
		return "; or it lacks the authorities between: librdkafka before 2.8 sends them from a "
		       "file in PEM only";
	if (version < 0x020b00ff && strstr(reason, no_gssapi) != NULL)
		return ": Kafka 4 takes GSSAPI of librdkafka 2.11 and later only";
	return "";
}

/* Adds what the user needs to know and librdkafka does not say. */
static const char *hint(const char *reason)
{
	static const char *const cut[] = {"unexpected eof", "wrong version number", "Connection reset",
		"packet length too long", "record layer failure"};

	if (strstr(reason, "certificate verify failed") != NULL)
		return "; or it has expired, or it is not for this host name";
	if (strstr(reason, "SSL handshake failed") != NULL &&
		strstr(reason, "PLAINTEXT") == NULL && has_one_of(reason, cut, COUNT(cut)))
		return ": connecting to a PLAINTEXT broker listener?";
	return "";
}

static void append(char *text, size_t size, const char *more)
{
	size_t length = strlen(text);

	snprintf(text + length, size - length, "%s", more);
}

/* "NAME: " of the broker. */
static size_t name_length(const char *reason)
{
	const char *end = strstr(reason, ": ");

	return end == NULL ? 0 : (size_t)(end - reason) + 2;
}

void kafka_refusal_write(char *text, size_t size, const char *reason, const char *certificate,
	const char *whom, int version)
{
	size_t name = name_length(reason);
	char *end;

	if (certificate[0] != '\0' && strstr(reason, "certificate verify failed") != NULL &&
		strncmp(certificate, reason, name) == 0) {
		snprintf(text, size, "%s", certificate);
		return;
	}
	if (is_alert(reason))
		snprintf(text, size, "%.*sthe broker refuses this client (%s): %s", (int)name, reason,
			whom, reason + name);
	else
		snprintf(text, size, "%s", reason);
	end = strstr(text, " (after ");
	if (end != NULL)
		*end = '\0';
	append(text, size, hint(reason));
	if (strstr(reason, "SASL") != NULL) {
		append(text, size, " (");
		append(text, size, whom);
		append(text, size, ")");
	}
	append(text, size, hint_version(reason, whom, version));
}

/* ---- as whom */

/* The properties come first, they win. */
static const struct setting *find(const struct security_config *security,
	const struct settings *properties, const char *name)
{
	const struct settings *all[] = {properties, &security->derived};

	for (size_t i = 0; i < COUNT(all); i++)
		for (size_t j = 0; j < all[i]->count; j++)
			if (strcasecmp(all[i]->items[j].name, name) == 0)
				return &all[i]->items[j];
	return NULL;
}

static const char *shown(const struct setting *setting)
{
	return setting->shown != NULL ? setting->shown : setting->value;
}

static void write_user(char whom[static KAFKA_WHOM_MAX], const struct security_config *security,
	const struct settings *properties)
{
	const struct setting *mechanism = find(security, properties, "sasl.mechanism");
	const struct setting *user = find(security, properties, "sasl.username");
	const struct setting *principal = find(security, properties, "sasl.kerberos.principal");
	const char *word;

	if (mechanism == NULL)
		mechanism = find(security, properties, "sasl.mechanisms");
	word = mechanism == NULL ? "GSSAPI" : mechanism->value;
	if (security->token_command.count > 0)
		snprintf(whom, KAFKA_WHOM_MAX, "token of '%.200s'", security->token_command.items[0]);
	else if (user != NULL)
		snprintf(whom, KAFKA_WHOM_MAX, "user '%.150s', %.50s", shown(user), word);
	else if (principal != NULL && strcasecmp(word, "GSSAPI") == 0)
		snprintf(whom, KAFKA_WHOM_MAX, "principal '%.150s', GSSAPI", shown(principal));
	else
		snprintf(whom, KAFKA_WHOM_MAX, "%.50s", word);
}

void kafka_whom(char whom[static KAFKA_WHOM_MAX], const struct security_config *security,
	const struct settings *properties)
{
	const struct setting *protocol = find(security, properties, "security.protocol");
	const struct setting *certificate = find(security, properties, "ssl.certificate.location");
	const struct setting *keystore = find(security, properties, "ssl.keystore.location");
	const char *word = protocol == NULL ? "plaintext" : protocol->value;

	if (strncasecmp(word, "sasl_", 5) == 0)
		write_user(whom, security, properties);
	else if (strcasecmp(word, "ssl") != 0)
		snprintf(whom, KAFKA_WHOM_MAX, "without user or certificate");
	else if (certificate != NULL)
		snprintf(whom, KAFKA_WHOM_MAX, "certificate '%.200s'", shown(certificate));
	else if (keystore != NULL)
		snprintf(whom, KAFKA_WHOM_MAX, "keystore '%.200s'", shown(keystore));
	else if (find(security, properties, "ssl.certificate.pem") != NULL)
		snprintf(whom, KAFKA_WHOM_MAX, "%s", in_pem);
	else
		snprintf(whom, KAFKA_WHOM_MAX, "without a certificate");
}

/* ---- brokers' certificates */

/* By the numbers of OpenSSL's x509_vfy.h, which do not change. */
static const struct {
	int error;
	const char *text;
} wrongs[] = {{9, "is not valid yet"}, {10, "has expired"}, {23, "was revoked"},
	{3, "can't be looked up in a revocation list (ssl.crl.location)"},
	{26, "is not for servers"}, {62, "is not for this host name"},
	{64, "is not for this IP address"}};

int kafka_verify(rd_kafka_t *client, const char *broker, int32_t broker_id, int *error, int depth,
	const char *certificate, size_t size, char *why, size_t why_size, void *opaque)
{
	const char *text = "is not signed by an authority that this client trusts ('ca', "
			   "ssl.ca.location)";

	(void)client, (void)broker, (void)broker_id, (void)depth;
	(void)certificate, (void)size, (void)opaque;
	if (*error == 0)
		return 1;
	for (size_t i = 0; i < COUNT(wrongs); i++)
		if (wrongs[i].error == *error)
			text = wrongs[i].text;
	snprintf(why, why_size, "%s", text);
	return 0;
}

/* "NAME: Certificate (subject=S, issuer=I) verification callback failed: TEXT" */
bool kafka_certificate_read(const char *text, char *found, size_t size)
{
	static const char begin[] = "Certificate (", middle[] = ") verification callback failed: ";
	const char *names = strstr(text, begin), *why = strstr(text, middle);

	if (names == NULL || why == NULL || why < names)
		return false;
	names += sizeof begin - 1;
	snprintf(found, size, "%.*sthe broker's certificate %s (%.*s)", (int)name_length(text), text,
		why + sizeof middle - 1, (int)(why - names), names);
	return true;
}
