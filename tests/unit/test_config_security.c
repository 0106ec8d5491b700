/* lib/config: the keys of `security` and tokenCommand, what they mean and what they rule out. */
#include "config_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

static char file[1024];

/* A sink with these keys; CHECK_MISTAKE's places are in line 3. */
static const char *sink(const char *keys)
{
	snprintf(file, sizeof file,
		"source: {kind: lines}\n"
		"sink: {kind: kafka, brokers: 'b:1', topic: t,\n"
		"%s}\n",
		keys);
	return file;
}

/* What librdkafka is to be told: "NAME=VALUE ", and "(SHOWN)" where something else is to be shown. */
static const char *meaning(const struct security_config *security)
{
	static struct buf out;

	buf_reset(&out);
	for (size_t i = 0; i < security->derived.count; i++) {
		const struct setting *setting = &security->derived.items[i];

		buf_printf(&out, "%s=%s", setting->name, setting->value);
		if (setting->shown != NULL)
			buf_printf(&out, "(%s)", setting->shown);
		buf_byte(&out, ' ');
	}
	buf_byte(&out, '\0');
	return (const char *)out.data;
}

#define CHECK_MEANS(keys, want)                                                                    \
	do {                                                                                       \
		CHECK_GOOD(sink(keys));                                                            \
		CHECK_TEXT(meaning(&config.sink.security), want);                                  \
	} while (0)

TEST(what_is_not_said_follows_from_what_is)
{
	CHECK_MEANS("security: {}", "");
	CHECK_MEANS("security: {protocol: PLAINTEXT}", "security.protocol=plaintext ");
	CHECK_MEANS("security: {protocol: SSL}", "security.protocol=ssl ");
	CHECK_MEANS("security: {ca: /ca.pem}", "security.protocol=ssl ssl.ca.location=/ca.pem ");
	CHECK_MEANS("security: {certificate: /c, key: /k}",
		"security.protocol=ssl ssl.certificate.location=/c ssl.key.location=/k ");
	CHECK_MEANS("security: {username: me, password: hunter2}",
		"security.protocol=sasl_ssl sasl.mechanism=PLAIN sasl.username=me "
		"sasl.password=hunter2(***) ");
	CHECK_MEANS("security: {username: me, password: hunter2, mechanism: scram-sha-512, ca: /ca}",
		"security.protocol=sasl_ssl sasl.mechanism=SCRAM-SHA-512 sasl.username=me "
		"sasl.password=hunter2(***) ssl.ca.location=/ca ");
	CHECK_MEANS("security: {protocol: sasl_plaintext, mechanism: PLAIN, username: me, password: x}",
		"security.protocol=sasl_plaintext sasl.mechanism=PLAIN sasl.username=me "
		"sasl.password=x(***) ");
	CHECK_MEANS("security: {mechanism: gssapi}",
		"security.protocol=sasl_ssl sasl.mechanism=GSSAPI ");
	CHECK_MEANS("tokenCommand: [get-token, --scope, kafka]",
		"security.protocol=sasl_ssl sasl.mechanism=OAUTHBEARER ");
	CHECK_INT(config.sink.security.token_command.count, 3);
	CHECK_MEANS("tokenCommand: ['get,token', ''], security: {protocol: sasl_plaintext}",
		"sasl.mechanism=OAUTHBEARER security.protocol=sasl_plaintext ");
	CHECK_TEXT(config.sink.security.token_command.items[0], "get,token");
	CHECK_TEXT(config.sink.security.token_command.items[1], "");
}

TEST(paths_begin_at_the_configuration_and_pem_may_stand_in_its_place)
{
	static const char certificate[] =
		"-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n";
	static const char key[] = "-----BEGIN PRIVATE KEY-----\ny\n-----END PRIVATE KEY-----\n";
	char want[256];

	enter_folder();
	write_file("ca.pem", certificate, sizeof certificate - 1);
	write_file("key.pem", key, sizeof key - 1);
	setenv("PW", "hunter2", 1);
	CHECK_GOOD(sink("security: {ca: ./ca.pem}"));
	snprintf(want, sizeof want, "security.protocol=ssl ssl.ca.location=%s/ca.pem ", folder);
	CHECK_TEXT(meaning(&config.sink.security), want);
	CHECK_GOOD(sink("security: {certificate: '${file:ca.pem}', key: '${file:key.pem}'}"));
	CHECK_TEXT(meaning(&config.sink.security),
		"security.protocol=ssl "
		"ssl.certificate.pem=-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----"
		"(${file:ca.pem}) "
		"ssl.key.pem=-----BEGIN PRIVATE KEY-----\ny\n-----END PRIVATE KEY-----(${file:key.pem}) ");
	CHECK_MEANS("security: {username: '${PW}', password: '${PW}'}",
		"security.protocol=sasl_ssl sasl.mechanism=PLAIN sasl.username=hunter2(${PW}) "
		"sasl.password=hunter2(${PW}) ");
	CHECK_INT(load(sink("security: {certificate: c.pem, key: k.pem}")), 0);
	CHECK_INT(config.secret_files.count, 2);
	snprintf(want, sizeof want, "%s/k.pem", folder);
	CHECK_TEXT(config.secret_files.items[0], want);
}

#define CHECK_REFUSED(keys, want) CHECK_MISTAKE(sink(keys), "3:" want)

TEST(what_does_not_go_together)
{
	CHECK_REFUSED("security: {protocol: tls}",
		"22: sink.security.protocol: expected plaintext, ssl, sasl_plaintext or sasl_ssl, found "
		"'tls' (did you mean 'ssl'?)");
	CHECK_REFUSED("security: {protocol: ssl, username: me}",
		"37: sink.security.username: there are no users with protocol 'ssl' (expected sasl_ssl)");
	CHECK_REFUSED("security: {protocol: sasl_plaintext, mechanism: GSSAPI, ca: /ca}",
		"61: sink.security.ca: there is no TLS with protocol 'sasl_plaintext' (expected "
		"sasl_ssl)");
	CHECK_REFUSED("security: {protocol: plaintext, ca: /ca}",
		"37: sink.security.ca: there is no TLS with protocol 'plaintext' (expected ssl or "
		"sasl_ssl)");
	CHECK_REFUSED("security: {certificate: /c}",
		"25: sink.security.certificate: 'key' is missing (if one file has both, name it "
		"twice)");
	CHECK_REFUSED("security: {key: /c}", "17: sink.security.key: 'certificate' is missing");
	CHECK_REFUSED("security: {username: me}", "22: sink.security.username: 'password' is missing");
	CHECK_REFUSED("security: {password: me}", "22: sink.security.password: 'username' is missing");
	CHECK_REFUSED("security: {mechanism: PLAIN}",
		"23: sink.security.mechanism: 'PLAIN' needs 'username' and 'password'");
	CHECK_REFUSED("security: {protocol: sasl_plaintext, username: me, password: x}",
		"48: sink.security.username: 'mechanism' is missing: without TLS, PLAIN would show the "
		"password to all (SCRAM-SHA-256 and SCRAM-SHA-512 do not)");
	CHECK_REFUSED("security: {protocol: sasl_ssl}",
		"22: sink.security.protocol: 'sasl_ssl' needs a 'mechanism', or 'username' and "
		"'password', or 'sink.tokenCommand'");
	CHECK_REFUSED("security: {mechanism: OAUTHBEARER}",
		"23: sink.security.mechanism: OAUTHBEARER needs 'sink.tokenCommand'");
	CHECK_REFUSED("security: {mechanism: PLAIN, username: a, password: b}, tokenCommand: [x]",
		"71: sink.tokenCommand: it is for mechanism OAUTHBEARER, not for 'PLAIN'");
	CHECK_REFUSED("security: {protocol: ssl}, tokenCommand: [x]",
		"42: sink.tokenCommand: there are no tokens with protocol 'ssl' (expected sasl_ssl)");
	CHECK_REFUSED("tokenCommand: [x], properties: {sasl.oauthbearer.method: oidc}",
		"15: sink.tokenCommand: the properties say that librdkafka gets tokens by itself");
	CHECK_REFUSED("tokenCommand: get-token",
		"15: sink.tokenCommand: expected a list: a program, and its arguments ([get-token, "
		"--scope, kafka]), found 'get-token'");
	CHECK_REFUSED("tokenCommand: ['', x]",
		"16: sink.tokenCommand: expected a program, found an empty text");
	CHECK_REFUSED("security: {usrname: x}",
		"12: unknown key 'usrname' in sink.security (did you mean 'username'?)");
	CHECK_REFUSED("username: x", "1: unknown key 'username' in sink (it belongs to 'sink.security')");
	CHECK_MISTAKE("source: {kind: lines, security: {}}\n",
		"1:23: 'source.security' is a key of kind 'kafka', not of kind 'lines'");
}

TEST(properties_win)
{
	CHECK_INT(load(sink("security: {username: me, password: x},\n"
			    "properties: {sasl.username: you, sasl.mechanisms: SCRAM-SHA-256}")),
		0);
	CHECK_TEXT(said(),
		"config.yaml:3:22: warning: sink.security.username has no effect with the property "
		"'sasl.username' (at 4:14)\n");
	CHECK_TEXT(meaning(&config.sink.security),
		"security.protocol=sasl_ssl sasl.password=x(***) ");
	CHECK_MEANS("security: {username: me, password: x}, properties: {security.protocol: SASL_SSL}",
		"sasl.mechanism=PLAIN sasl.username=me sasl.password=x(***) ");
	/* Without any of these keys nothing is concluded from properties. */
	CHECK_MEANS("properties: {sasl.username: you}", "");
}

TEST(each_client_has_its_own)
{
	CHECK_GOOD("processor: {onFailure: deadLetter}\n" KAFKA_SOURCE ", security: {ca: /a}}\n"
		   "sink: {kind: kafka, brokers: 'b:1', topic: out, security: {ca: /b}}\n"
		   "deadLetter: {kind: kafka, brokers: 'b:1', topic: d, tokenCommand: [x]}\n");
	CHECK_TEXT(meaning(&config.source.security), "security.protocol=ssl ssl.ca.location=/a ");
	CHECK_TEXT(meaning(&config.sink.security), "security.protocol=ssl ssl.ca.location=/b ");
	CHECK_TEXT(meaning(&config.dead_letter.security),
		"security.protocol=sasl_ssl sasl.mechanism=OAUTHBEARER ");
	CHECK_INT(config.sink.security.token_command.count, 0);
	CHECK_INT(config.dead_letter.security.token_command.count, 1);
}

TEST(a_stage_is_handed_what_it_may_show)
{
	struct buf dumped = {0}, complaints = {0};
	struct config stage;
	int fd;

	setenv("PW", "hunter2", 1);
	CHECK_GOOD(sink("security: {username: me, password: '${PW}', key: /k, certificate: /c}"));
	config_dump(&config, SECTION_SINK, false, &dumped);
	fd = fd_memory("dump", dumped.data, dumped.length);
	config_init(&stage);
	CHECK_INT(config_load_fd(&stage, fd, SECTION_SINK, &complaints), 0);
	CHECK_TEXT(meaning(&stage.sink.security),
		"security.protocol=sasl_ssl sasl.mechanism=PLAIN sasl.username=me "
		"sasl.password=hunter2(${PW}) ssl.certificate.location=/c ssl.key.location=/k ");
	config_release(&stage);
	buf_release(&dumped);
	close(fd);
}

TEST(secrets_are_not_printed_and_paths_are)
{
	struct buf out = {0};

	CHECK_GOOD(sink("security: {username: me, password: hunter2, key: /k, certificate: /c}"));
	config_dump(&config, SECTION_SINK, true, &out);
	buf_byte(&out, '\0');
	CHECK(strstr((const char *)out.data, "hunter2") == NULL);
	CHECK(strstr((const char *)out.data, "    password: \"***\"\n") != NULL);
	CHECK(strstr((const char *)out.data, "    key: /k\n") != NULL);
	CHECK_GOOD(sink("tokenCommand: [x, --password=hunter2, --scope, k]"));
	buf_reset(&out);
	config_dump(&config, SECTION_SINK, true, &out);
	buf_byte(&out, '\0');
	CHECK(strstr((const char *)out.data, "hunter2") == NULL);
	CHECK(strstr((const char *)out.data, "tokenCommand:\n    - x\n") != NULL);
	CHECK_GOOD(sink("security: {certificate: /c,\n"
			"key: '-----BEGIN PRIVATE KEY----- hunter2'}"));
	buf_reset(&out);
	config_dump(&config, SECTION_SINK, true, &out);
	buf_byte(&out, '\0');
	CHECK(strstr((const char *)out.data, "hunter2") == NULL);
	buf_release(&out);
}

UNIT_MAIN
