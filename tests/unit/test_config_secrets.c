/* lib/config: what is shown instead of secrets, in messages and by config_dump for people. */
#include "config_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/secrets.h"

/* What is shown; "=" for the text itself. Takes over what secret_mask gave. */
static const char *shown(char *mask)
{
	static char kept[512];

	snprintf(kept, sizeof kept, "%s", mask == NULL ? "=" : mask);
	free(mask);
	return kept;
}

/* Of a text of a file. */
static const char *masked(const char *text)
{
	return shown(secret_mask(text, SECRET_IN_FILE, false));
}

static const char *whole(const char *text, enum secret_syntax syntax)
{
	return shown(secret_mask(text, syntax, true));
}

TEST(all_of_a_secret_is_hidden_but_for_placeholders)
{
	CHECK_TEXT(whole("", SECRET_IN_FILE), "=");
	CHECK_TEXT(whole("x", SECRET_IN_FILE), "***");
	CHECK_TEXT(whole("${A}", SECRET_IN_FILE), "=");
	CHECK_TEXT(whole("a${A}b", SECRET_IN_FILE), "***${A}***");
	CHECK_TEXT(whole("${A}${file:/run/x}", SECRET_IN_FILE), "=");
	CHECK_TEXT(whole("${A:-hunter2}", SECRET_IN_FILE), "${A:-***}");
	CHECK_TEXT(whole("${A:-}", SECRET_IN_FILE), "=");
	CHECK_TEXT(whole("a$$b$c$", SECRET_IN_FILE), "***");
	CHECK_TEXT(whole("$${A}", SECRET_IN_FILE), "***"); /* the text ${A} */
	CHECK_TEXT(whole("$$${A}", SECRET_IN_FILE), "***${A}");
	CHECK_TEXT(whole("${hunter2!}", SECRET_IN_FILE), "***");
	CHECK_TEXT(whole("${hunter2", SECRET_IN_FILE), "***");
	CHECK_TEXT(whole("${}", SECRET_IN_FILE), "***");
	CHECK_TEXT(whole("${A}", SECRET_PLAIN), "***");
	CHECK_TEXT(whole("\xc3\xa4", SECRET_PLAIN), "***");
}

TEST(user_and_password_of_a_url)
{
	CHECK_TEXT(masked("postgres://me:hunter2@host/db"), "postgres://***@host/db");
	CHECK_TEXT(masked("https://hunter2@host/"), "https://***@host/");
	CHECK_TEXT(masked("postgres://me:hu/nt?er#2@host/db"), "postgres://***@host/db");
	CHECK_TEXT(masked("postgres://me:hu@nter2@host/db"), "postgres://***@host/db");
	CHECK_TEXT(masked("postgres://me:hunter 2@host/db"), "postgres://***@host/db");
	CHECK_TEXT(masked("mongodb://a:b@h1,h2/x mongodb://c:d@h3"), "mongodb://***@h1,h2/x mongodb://***@h3");
	CHECK_TEXT(masked("a://b:c@h1,d://e:f@h2"), "a://***@h2");
	CHECK_TEXT(masked("http://host/visible@1"), "=");
	CHECK_TEXT(masked("http://host:80/x mail me@host"), "=");
	CHECK_TEXT(masked("http://host:80"), "=");
	CHECK_TEXT(masked("://"), "=");
	CHECK_TEXT(masked("me@host"), "=");
	CHECK_TEXT(masked("x://me:${A}@host"), "=");
	CHECK_TEXT(masked("x://${U}:${A}@host"), "=");
	CHECK_TEXT(masked("x://me:${A}b@host"), "x://***${A}***@host");
	CHECK_TEXT(masked("x://me:${A:-hunter2}@host"), "x://***${A:-***}@host");
	CHECK_TEXT(masked("${A:-x://me:hunter2@host}"), "${A:-x://***@host}");
	CHECK_TEXT(masked("x://me:${file:/a@b/c}@host"), "=");
}

TEST(secrets_in_queries_connection_strings_and_json)
{
	CHECK_TEXT(masked("https://h/p?a=1&token=hunter2&b=2#c"), "https://h/p?a=1&token=***&b=2#c");
	CHECK_TEXT(masked("https://h/p?X-Amz-Signature=hunter2"), "https://h/p?X-Amz-Signature=***");
	CHECK_TEXT(masked("https://h/p?sig=hunter2"), "https://h/p?sig=***");
	CHECK_TEXT(masked("Server=h;User Id=me;Pwd=hunt er,x=2&3;Db=d"), "Server=h;User Id=me;Pwd=***;Db=d");
	CHECK_TEXT(masked("AccountName=a;AccountKey=aGk=;X=y"), "AccountName=a;AccountKey=***;X=y");
	CHECK_TEXT(masked("Endpoint=sb://n/;SharedAccessKey=x=="), "Endpoint=sb://n/;SharedAccessKey=***");
	CHECK_TEXT(masked("host=h password=hunter2 user=me"), "host=h password=*** user=me");
	CHECK_TEXT(masked("password = 'hun''ter\\' 2' user=me"), "password = '***' user=me");
	CHECK_TEXT(masked("h:6380,password=hunter2,ssl=True"), "h:6380,password=***,ssl=True");
	CHECK_TEXT(masked("PASSWORD=hunter 2, three"), "PASSWORD=***");
	CHECK_TEXT(masked("password='hunter2"), "password='***");
	CHECK_TEXT(masked("{\"password\": \"hun\\\"ter2\", \"x\": 1}"), "{\"password\": \"***\", \"x\": 1}");
	CHECK_TEXT(masked("{\"token\":\"hunter2\"}"), "{\"token\":\"***\"}");
	CHECK_TEXT(masked("Authorization: Bearer hunter2"), "Authorization: ***");
	CHECK_TEXT(masked("password=${A};x=y"), "=");
	CHECK_TEXT(masked("password=${A:-hunter2};x=y"), "password=${A:-***};x=y");
	CHECK_TEXT(masked("secret:name"), "=");
	CHECK_TEXT(masked("a=b"), "=");
	CHECK_TEXT(masked("=x"), "=");
	CHECK_TEXT(masked("password="), "=");
	CHECK_TEXT(masked("password_file=/run/secrets/x"), "=");
}

TEST(private_keys)
{
	CHECK_TEXT(masked("-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n"), "***");
	CHECK_TEXT(masked("-----BEGIN CERTIFICATE-----\nx\n-----BEGIN RSA PRIVATE KEY-----\ny"), "***");
	CHECK_TEXT(masked("-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"), "=");
	CHECK_TEXT(masked("-----BEGIN PUBLIC KEY-----\nx"), "=");
	CHECK_TEXT(masked("-----BEGIN "), "***");
}

/* Each grows by itself alone: all of these would take hours if not. */
TEST(long_texts_take_no_long_time)
{
	static const char *const units[] = {"password=", "password='", "a://b:c ", "a://", "password=x,",
		"${", "${a:-", "$", ",", "= ", "-----BEGIN ", "\"", "a:", "token=a;"};
	struct buf text = {0};

	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		buf_reset(&text);
		while (text.length < 1 << 20)
			buf_text(&text, units[i]);
		buf_byte(&text, '\0');
		free(secret_mask((const char *)text.data, SECRET_IN_FILE, false));
	}
	buf_release(&text);
}

/* ---- configurations */

static const char *printed(const char *text)
{
	static struct buf out;

	CHECK_GOOD(text);
	buf_reset(&out);
	config_dump(&config, SECTION_ALL, true, &out);
	buf_byte(&out, '\0');
	return (const char *)out.data;
}

#define CHECK_HAS(text, part)                                                                      \
	do {                                                                                       \
		if (strstr(text, part) == NULL)                                                    \
			unit_fail(__FILE__, __LINE__, "'%s' is not in: %s", part, text);           \
	} while (0)

TEST(what_was_substituted_is_printed_as_the_file_has_it)
{
	const char *text;

	enter_folder();
	write_file("secret", "hunter2\n", 8);
	setenv("HIDDEN", "hunter3", 1);
	setenv("TOPICS", "hunter4, hunter5", 1);
	setenv("NUMBER", "7", 1);
	setenv("EMPTY", "", 1);
	text = printed(
		"name: '${HIDDEN}'\n"
		"shutdownTimeout: '${NUMBER}'\n"
		"maxRestarts: ${NUMBER:-3}\n"
		"processor:\n"
		"  handlerPath: ./${HIDDEN:-}\n"
		"  retry: {attempts: '${NUMBER}', except: ['${HIDDEN}', E]}\n"
		"  batch: {size: '${NUMBER}'}\n"
		"  env:\n"
		"  - {name: A, value: 'a ${HIDDEN} $$ ${file:secret} $'}\n"
		"  - {name: B, value: '${EMPTY}'}\n"
		"  - {name: '${HIDDEN}', value: '7'}\n"
		"  - {name: C, value: '$$5'}\n"
		"source: {kind: kafka, brokers: '${HIDDEN}:1', topics: ['${TOPICS}', visible],\n"
		"  consumerGroup: g, properties: {client.id: '${HIDDEN}', debug: '${HIDDEN:-}'}}\n"
		"sink: {kind: kafka, brokers: [a, '${HIDDEN}'], topic: '${HIDDEN:-x}', partition: "
		"'${NUMBER}'}\n");
	CHECK(strstr(text, "hunter") == NULL);
	CHECK_HAS(text, "name: \"${HIDDEN}\"\n");
	CHECK_HAS(text, "shutdownTimeout: \"${NUMBER}\"\n");
	CHECK_HAS(text, "maxRestarts: \"${NUMBER:-3}\"\n");
	CHECK_HAS(text, "\n  handlerPath: \"./${HIDDEN:-}\"\n");
	CHECK_HAS(text, "\n    attempts: \"${NUMBER}\"\n");
	CHECK_HAS(text, "\n    except:\n      - \"${HIDDEN}\"\n      - E\n");
	CHECK_HAS(text, "\n    size: \"${NUMBER}\"\n");
	CHECK_HAS(text, "\n      value: \"a ${HIDDEN} $$ ${file:secret} $\"\n");
	CHECK_HAS(text, "\n      value: \"${EMPTY}\"\n    - name: \"${HIDDEN}\"\n      value: 7\n");
	CHECK_HAS(text, "\n      value: \"$$5\"\n");
	CHECK_HAS(text, "\n  brokers: \"${HIDDEN}:1\"\n");
	CHECK_HAS(text, "\n  topics:\n    - \"${TOPICS}\"\n    - visible\n");
	CHECK_HAS(text, "\n    client.id: \"${HIDDEN}\"\n    debug: \"${HIDDEN:-}\"\n");
	CHECK_HAS(text, "\n  brokers:\n    - a\n    - \"${HIDDEN}\"\n");
	CHECK_HAS(text, "\n  topic: \"${HIDDEN:-x}\"\n");
	CHECK_HAS(text, "\n  partition: \"${NUMBER}\"\n");
	/* It is a configuration that means the same and is printed the same. */
	write_file("again", text, strlen(text));
	CHECK_TEXT(printed(text), text);
	CHECK_INT(config.shutdown_timeout_ms, 7000);
	CHECK_INT(config.source.topics.count, 3);
	CHECK_TEXT(config.processor.env.items[0].value, "a hunter3 $ hunter2 $");
	CHECK_TEXT(config.processor.env.items[3].value, "$5");
}

TEST(what_is_secret_by_its_name_or_form_is_hidden_even_when_literal)
{
	static const char *const good[] = {"HOME_URL", "visible@1"};
	const char *text = printed(
		"processor:\n"
		"  env:\n"
		"  - {name: API_KEY, value: hunter1}\n"
		"  - {name: DB_PASS, value: 12345}\n"
		"  - {value: hunter3, name: github_token}\n"
		"  - {name: DATABASE_URL, value: 'postgres://me:hunter4@host/db'}\n"
		"  - {name: HOOK, value: 'https://host/hook?token=hunter5'}\n"
		"  - {name: ODBC, value: 'Server=s;Pwd=hunter6'}\n"
		"  - {name: PEM, value: \"-----BEGIN PRIVATE KEY-----\\nhunter7\"}\n"
		"  - {name: HOME_URL, value: 'http://host/visible@1'}\n"
		"  - {name: TOKEN_FILE, value: /visible-2}\n"
		"  - {name: MONEY, value: visible-3$$}\n"
		"source: {kind: kafka, brokers: b, topics: t, consumerGroup: g, properties: {\n"
		"  sasl.password: hunter2, ssl.key.pem: hunter2, sasl.username: hunter2, \n"
		"  sasl.oauthbearer.config: hunter2, ssl.keystore.password: hunter2,\n"
		"  sasl.oauthbearer.client.secret: 'hunter2$${x}', ssl.key.location: visible-4,\n"
		"  sasl.oauthbearer.token.endpoint.url: 'https://visible-5/'}}\n");

	CHECK(strstr(text, "hunter") == NULL);
	CHECK(strstr(text, "12345") == NULL);
	CHECK_HAS(text, good[1]);
	CHECK_HAS(text, "\"postgres://***@host/db\"");
	CHECK_HAS(text, "\"https://host/hook?token=***\"");
	CHECK_HAS(text, "\"Server=s;Pwd=***\"");
	CHECK_HAS(text, "visible-2");
	CHECK_HAS(text, "\"visible-3$$\"");
	CHECK_HAS(text, "ssl.key.location: visible-4");
	CHECK_HAS(text, "https://visible-5/");
	CHECK_HAS(text, "sasl.password: \"***\"");
	CHECK_HAS(text, "sasl.oauthbearer.client.secret: \"***\"");
	CHECK_TEXT(printed(text), text);
}

/* ---- messages */

#define CHECK_HIDDEN(text)                                                                         \
	do {                                                                                       \
		CHECK(load(text) > 0);                                                             \
		if (strstr(said(), "hunter") != NULL)                                              \
			unit_fail(__FILE__, __LINE__, "%s", said());                               \
	} while (0)

TEST(messages_show_the_placeholder)
{
	enter_folder();
	write_file("secret", "hunter2 \n", 9);
	setenv("HIDDEN", "hunter3 ", 1);
	CHECK_MISTAKE("source: {kind: kafka, brokers: b, topics: t, consumerGroup: g, offset: '${HIDDEN}'}\n",
		"1:72: source.offset: expected latest, earliest, -N (N before the end) or a time such as "
		"2026-01-31T12:00:00Z, found '${HIDDEN}'");
	CHECK_MISTAKE("maxRestarts: ${file:secret}\nsource: {kind: lines}\n",
		"1:14: maxRestarts: expected a number from 0 to 1000, found '${file:secret}'");
	CHECK_HIDDEN("source: {kind: '${HIDDEN}'}\n");
	CHECK_HIDDEN("processor: {ordering: '${HIDDEN}', isolation: '${HIDDEN}', workers: '${HIDDEN}',\n"
		     "  retry: {except: '${HIDDEN}'}, inheritEnv: ['${HIDDEN}'], moduleName: '${HIDDEN}.py',\n"
		     "  timeout: '${HIDDEN}', user: '${HIDDEN}', network: '${HIDDEN}', maxMemory: '${HIDDEN}'}\n"
		     "source: {kind: lines}\nmetrics: {listen: '${HIDDEN}'}\nrateLimit: '${HIDDEN}'\n");
	CHECK_HIDDEN("source: {kind: kafka, brokers: 'x://${HIDDEN},${HIDDEN}:z', topics: ['${HIDDEN}', b],\n"
		     "  consumerGroup: g, groupInstanceId: '${HIDDEN}', balanceStrategy: '${HIDDEN}',\n"
		     "  fireAndForget: '${HIDDEN}'}\n"
		     "sink: {kind: kafka, brokers: a, topic: '${HIDDEN}', partitioner: '${HIDDEN}', partition: '${HIDDEN}'}\n");
	CHECK_HIDDEN("source: {kind: lines}\nprocessor: {env: [{name: 'A=${HIDDEN}', value: x},\n"
		     "  {name: A, value: x}, {name: '${HIDDEN:-A}', value: x}]}\n");
	setenv("HIDDEN", "~hunter", 1);
	CHECK_HIDDEN("source: {kind: lines}\nprocessor: {python: '${HIDDEN}'}\n");
	setenv("HIDDEN", "30000001", 1);
	CHECK_MISTAKE(KAFKA_SOURCE ", properties: {session.timeout.ms: '${HIDDEN}'}}\n",
		"1:79: source.properties: 'max.poll.interval.ms' (300000 ms) must not be shorter "
		"than 'session.timeout.ms' (${HIDDEN}): librdkafka takes no other");
}

TEST(messages_show_no_literal_secret)
{
	CHECK_HIDDEN(KAFKA_SOURCE ", properties: {sasl.password: 'x${hunter2!}'}}\n");
	CHECK_HIDDEN(KAFKA_SOURCE ", properties: {sasl.password: '${A-:hunter2}'}}\n");
	CHECK_HIDDEN(KAFKA_SOURCE ", properties: {client.id: '${A B:-hunter2}'}}\n");
	CHECK_HIDDEN(KAFKA_SOURCE ", properties: {sasl.password: &hunter2 }}\n");
	CHECK_HIDDEN(KAFKA_SOURCE ", properties: {sasl.password: *hunter2 }}\n");
	CHECK_HIDDEN(KAFKA_SOURCE ", properties: {sasl.password: !hunter2 }}\n");
	CHECK_HIDDEN(KAFKA_SOURCE ", properties: {sasl.password hunter2}}\n");
	CHECK_HIDDEN(KAFKA_SOURCE ", properties: {sasl.password=hunter2: }}\n");
	CHECK_HIDDEN(KAFKA_SOURCE ", properties: 'sasl.password=hunter2'}\n");
	CHECK_HIDDEN("source: {kind: kafka, brokers: 'sasl_ssl://me:hunter2@host', topics: t, consumerGroup: g}\n");
	CHECK_HIDDEN("source: {kind: kafka, brokers: 'http://me:hunter2@host', topics: t, consumerGroup: g}\n");
	CHECK_HIDDEN("password: hunter2\nsource: {kind: lines, token: hunter2}\n");
}

/* A stage is told what it may show of a property; a short value stays as it is. */
TEST(stages_get_values_with_what_they_may_show)
{
	struct buf out = {0};

	setenv("HIDDEN", "1", 1);
	CHECK_GOOD(KAFKA_SOURCE ", properties: {client.id: '${HIDDEN}', sasl.password: x, debug: all}}\n");
	CHECK_TEXT(config.source.properties.items[0].value, "1");
	CHECK_TEXT(config.source.properties.items[0].shown, "${HIDDEN}");
	CHECK_TEXT(config.source.properties.items[1].shown, "***");
	CHECK(config.source.properties.items[2].shown == NULL);
	config_dump(&config, SECTION_SOURCE, false, &out);
	buf_byte(&out, '\0');
	CHECK_HAS((const char *)out.data, "    client.id:\n      value: 1\n      shown: \"${HIDDEN}\"\n");
	CHECK_HAS((const char *)out.data, "    debug: all\n");
	buf_release(&out);
}

UNIT_MAIN
