/* Which trouble with a broker is its refusal, and how often a line comes. */

#include <librdkafka/rdkafka.h>

#include "base/clock.h"
#include "base/reminder.h"
#include "kafka/client.h"
#include "kafka/health.h"
#include "unit.h"

/* Texts as librdkafka gave them (2.0.2, with Kafka 4.3 and OpenSSL 3). */
TEST(a_refusal_is_a_brokers_own_word)
{
	static const struct {
		int error;
		const char *reason;
	} refusals[] = {
		{RD_KAFKA_RESP_ERR__AUTHENTICATION,
			"sasl_ssl://a:1/bootstrap: SASL authentication error: Authentication failed: "
			"Invalid username or password (after 299ms in state AUTH_REQ)"},
		{RD_KAFKA_RESP_ERR__AUTHENTICATION,
			"a:1/2: SASL SCRAM-SHA-512 mechanism handshake failed: Broker: Unsupported "
			"SASL mechanism: broker's supported mechanisms: PLAIN"},
		{RD_KAFKA_RESP_ERR__SSL,
			"ssl://a:1/2: SSL handshake failed: error:0A000086:SSL routines::certificate "
			"verify failed: broker certificate could not be verified"},
		{RD_KAFKA_RESP_ERR__SSL,
			"a:1/2: Failed to verify broker certificate: certificate has expired"},
		{RD_KAFKA_RESP_ERR__TRANSPORT,
			"ssl://a:1/2: Receive failed: error:0A000412:SSL routines::sslv3 alert bad "
			"certificate: SSL alert number 42"},
		{0, "a:1/2: Receive failed: error:0A00045C:SSL routines::tlsv13 alert certificate "
		    "required"},
		{RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, "a:1/2: no"},
	};

	for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
		CHECK(kafka_is_refusal(refusals[i].error, refusals[i].reason));
}

TEST(a_cut_is_none)
{
	static const struct {
		int error;
		const char *reason;
	} cuts[] = {
		{RD_KAFKA_RESP_ERR__SSL, "ssl://a:1/2: SSL handshake failed: error:0A000126:SSL "
					 "routines::unexpected eof while reading"},
		{RD_KAFKA_RESP_ERR__TRANSPORT, "ssl://a:1/2: SSL handshake failed: Disconnected: "
					       "connecting to a PLAINTEXT broker listener?"},
		{RD_KAFKA_RESP_ERR__AUTHENTICATION,
			"a:1/2: SASL PLAIN mechanism handshake failed: Local: Broker transport "
			"failure: broker's supported mechanisms: (n/a)"},
		{RD_KAFKA_RESP_ERR__AUTHENTICATION, "a:1/2: Disconnected"},
		{RD_KAFKA_RESP_ERR__TRANSPORT, "a:1/2: SASL authentication error: "
					       "SaslAuthenticateRequest failed: Local: Broker "
					       "transport failure"},
		{RD_KAFKA_RESP_ERR__AUTHENTICATION,
			"Failed to acquire SASL OAUTHBEARER token: timed out"},
		{RD_KAFKA_RESP_ERR__TRANSPORT, "a:1/2: Connect to ipv4#1.2.3.4:1 failed: "
					       "Connection refused"},
		{RD_KAFKA_RESP_ERR__RESOLVE, "a:1/2: Failed to resolve 'a:1'"},
		{0, "a:1/2: Disconnected"},
	};

	for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++)
		CHECK(!kafka_is_refusal(cuts[i].error, cuts[i].reason));
}

TEST(a_line_comes_at_once_and_then_at_a_growing_distance)
{
	struct reminder reminder = {0};
	int64_t last = 0;
	int lines = 0;

	for (int64_t now = 1; now <= 600000; now += 10) {
		if (!reminder_due(&reminder, now))
			continue;
		lines++;
		CHECK(now - last <= REMINDER_LAST_MS + 10);
		last = now;
	}
	CHECK(lines >= 15 && lines <= 17); /* 0 1 3 7 15 31 63 123 183 ... */
}

TEST(a_token_that_has_ended_is_not_refused)
{
	static const char reason[] = "a:1/2: SASL authentication error: {\"status\":\"invalid_token\"}";
	static const struct security_config security;
	static const struct settings properties;
	struct kafka_health health;
	int64_t now = clock_boot_ms();

#define REFUSED_IS(want)                                                                           \
	do {                                                                                       \
		health.refused_at = 0;                                                             \
		kafka_health_failed(&health, RD_KAFKA_RESP_ERR__AUTHENTICATION, reason);           \
		CHECK((health.refused_at != 0) == (want));                                         \
	} while (0)

	kafka_health_init(&health, &security, &properties);
	REFUSED_IS(true); /* no tokens: a password */
	kafka_health_token(&health, 0, "it ended with status 1");
	REFUSED_IS(false);
	kafka_health_token(&health, now + 60000, NULL); /* the first one */
	REFUSED_IS(true);
	kafka_health_token(&health, now + 120000, NULL); /* renewed in time */
	REFUSED_IS(true);
	kafka_health_token(&health, now + 120000, "it ended with status 1");
	REFUSED_IS(false);
	kafka_health_token(&health, now + 180000, NULL); /* connections may still have the one before */
	REFUSED_IS(false);
	health.token_counts = now;
	REFUSED_IS(true);
	kafka_health_token(&health, now, NULL);
	REFUSED_IS(false);
}

TEST(too_old_a_library_is_refused)
{
	CHECK(!kafka_version_supported(0x01090200));
	CHECK(!kafka_version_supported(0x020001ff));
	CHECK(kafka_version_supported(0x020002ff));
	CHECK(kafka_version_supported(rd_kafka_version()));
}

UNIT_MAIN
