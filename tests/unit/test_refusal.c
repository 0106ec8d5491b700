/* What is told of a refusal: whom it is about, and what librdkafka does not say. */
#include <stdlib.h>
#include <string.h>

#include "config/types/values.h"
#include "kafka/refusal.h"
#include "unit.h"

enum { V2_0_2 = 0x020002ff, V2_6_0 = 0x020600ff, V2_6_1 = 0x020601ff, V2_8_0 = 0x020800ff,
	V2_11_0 = 0x020b00ff };

static const char *told(const char *reason, const char *certificate, const char *whom, int version)
{
	static char text[512];

	kafka_refusal_write(text, sizeof text, reason, certificate, whom, version);
	return text;
}

TEST(a_certificate_is_told_as_what_is_wrong_with_it)
{
	static const char reason[] = "ssl://a:1/2: SSL handshake failed: certificate verify failed: broker "
				     "certificate could not be verified (after 3ms in state X)";
	char why[128], found[256];
	int expired = 10, good = 0, other = 99;

	CHECK_INT(kafka_verify(NULL, "a", 1, &good, 0, "", 0, why, sizeof why, NULL), 1);
	CHECK_INT(kafka_verify(NULL, "a", 1, &other, 0, "", 0, why, sizeof why, NULL), 0);
	CHECK(strncmp(why, "is not signed by an authority", 29) == 0);
	CHECK_INT(kafka_verify(NULL, "a", 1, &expired, 0, "", 0, why, sizeof why, NULL), 0);
	CHECK_TEXT(why, "has expired");
	CHECK(kafka_certificate_read("ssl://a:1/2: Certificate (subject=/CN=b, issuer=/CN=c) "
				     "verification callback failed: has expired",
		found, sizeof found));
	CHECK_TEXT(found, "ssl://a:1/2: the broker's certificate has expired (subject=/CN=b, issuer=/CN=c)");
	CHECK_TEXT(told(reason, found, "without a certificate", V2_0_2), found);
	/* That of another broker, or none: librdkafka's own words. */
	CHECK_TEXT(told(reason, "ssl://b:1/2: the broker's certificate has expired", "x", V2_0_2),
		"ssl://a:1/2: SSL handshake failed: certificate verify failed: broker certificate could "
		"not be verified; or it has expired, or it is not for this host name");
	CHECK(!kafka_certificate_read("ssl://a:1/2: something else", found, sizeof found));
}

TEST(users_and_certificates_are_named)
{
	CHECK_TEXT(told("sasl_ssl://a:1/2: SASL authentication error: Invalid (after 299ms in state Y)", "",
			   "user 'me', PLAIN", V2_0_2),
		"sasl_ssl://a:1/2: SASL authentication error: Invalid (user 'me', PLAIN)");
	CHECK_TEXT(told("ssl://a:1/2: Receive failed: sslv3 alert bad certificate: SSL alert number 42", "",
			   "certificate '/me.pem'", V2_0_2),
		"ssl://a:1/2: the broker refuses this client (certificate '/me.pem'): Receive failed: "
		"sslv3 alert bad certificate: SSL alert number 42");
	CHECK_TEXT(told("a:1/2: Connect to ipv4#1.2.3.4:1 failed: Connection refused", "", "user 'me', PLAIN",
			   V2_0_2),
		"a:1/2: Connect to ipv4#1.2.3.4:1 failed: Connection refused");
}

/* What the versions can't do: SCRAM and chains were tried with 2.0.2, 2.6.0, 2.6.1 and 2.11.1. */
TEST(what_a_version_lacks_is_a_hint)
{
	static const char scram[] = "a:1/2: SASL authentication error: no";
	static const char alert[] = "a:1/2: Receive failed: tlsv1 alert unknown ca";
	static const char gssapi[] = "a:1/2: Failed to initialize SASL authentication: SASL GSSAPI "
				     "authentication not supported by broker";

	CHECK_TEXT(told(scram, "", "user 'me', SCRAM-SHA-512", V2_6_0),
		"a:1/2: SASL authentication error: no (user 'me', SCRAM-SHA-512); or it is librdkafka: Kafka "
		"refuses SCRAM of a version before 2.6.1");
	CHECK_TEXT(told(scram, "", "user 'me', SCRAM-SHA-512", V2_6_1),
		"a:1/2: SASL authentication error: no (user 'me', SCRAM-SHA-512)");
	CHECK(strstr(told(alert, "", "certificate in PEM", V2_6_1), "before 2.8") != NULL);
	CHECK(strstr(told(alert, "", "keystore '/k'", V2_6_1), "before 2.8") != NULL);
	CHECK(strstr(told(alert, "", "certificate in PEM", V2_8_0), "before 2.8") == NULL);
	CHECK(strstr(told(alert, "", "certificate '/c'", V2_6_1), "before 2.8") == NULL);
	CHECK(strstr(told(gssapi, "", "GSSAPI", V2_8_0), "2.11 and later") != NULL);
	CHECK(strstr(told(gssapi, "", "GSSAPI", V2_11_0), "2.11 and later") == NULL);
	CHECK(kafka_is_refusal(RD_KAFKA_RESP_ERR__AUTHENTICATION, gssapi));
}

/* NAME, VALUE, SHOWN ... NULL */
static const char *whom(const char *const *given)
{
	static char text[KAFKA_WHOM_MAX];
	struct security_config security = {0};
	struct settings properties = {0};

	for (size_t i = 0; given[i] != NULL; i += 3)
		config_replace(&settings_set(&security.derived, given[i], given[i + 1])->shown, given[i + 2][0] == '\0' ? NULL : given[i + 2]);
	kafka_whom(text, &security, &properties);
	settings_release(&security.derived);
	return text;
}

#define WHOM(...) whom((const char *const[]){__VA_ARGS__, NULL})

TEST(as_whom_a_client_comes)
{
	CHECK_TEXT(WHOM(NULL), "without user or certificate");
	CHECK_TEXT(WHOM("security.protocol", "ssl", ""), "without a certificate");
	CHECK_TEXT(WHOM("security.protocol", "SSL", "", "ssl.certificate.location", "/c", ""),
		"certificate '/c'");
	CHECK_TEXT(WHOM("security.protocol", "ssl", "", "ssl.certificate.pem", "x", "${X}"),
		"certificate in PEM");
	CHECK_TEXT(WHOM("security.protocol", "ssl", "", "ssl.keystore.location", "/k", ""),
		"keystore '/k'");
	CHECK_TEXT(WHOM("security.protocol", "sasl_ssl", "", "sasl.mechanism", "PLAIN", "",
			   "sasl.username", "me", ""),
		"user 'me', PLAIN");
	CHECK_TEXT(WHOM("security.protocol", "sasl_ssl", "", "sasl.mechanisms", "PLAIN", "",
			   "sasl.username", "me", "${ME}"),
		"user '${ME}', PLAIN");
	CHECK_TEXT(WHOM("security.protocol", "sasl_ssl", "", "sasl.kerberos.principal", "me@X", ""),
		"principal 'me@X', GSSAPI");
}

UNIT_MAIN
