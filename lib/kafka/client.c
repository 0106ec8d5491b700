#include "kafka/client.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <syslog.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "frame/headers.h"
#include "kafka/redact.h"
#include "kafka/token.h"

/* "[thrd:NAME]: TEXT" */
static const char *without_thread(const char *text)
{
	const char *end = strncmp(text, "[thrd:", 6) == 0 ? strstr(text, "]: ") : NULL;

	return end != NULL ? end + 3 : text;
}

static struct kafka_answers *checking; /* while kafka_check makes a client */

static void answer(
	struct kafka_answers *answers, const char *level, const char *property, const char *said)
{
	char *redacted = redact_text(said, REDACT_REASON);
	const char *text = redacted != NULL ? redacted : said;
	const char *end = strchr(text, '\n');

	buf_printf(answers->out, "%s\t%s\t%s\t%c%.*s\n", level, answers->section, property,
		tolower((unsigned char)text[0]),
		text[0] == '\0' ? 0
		: end != NULL   ? (int)(end - text - 1)
				: (int)strlen(text) - 1,
		text[0] == '\0' ? text : text + 1);
	free(redacted);
}

/* Whether the text is about the property. Of what has two names librdkafka says the first. */
static bool is_in(const char *text, const char *name)
{
	static const char *const names[][2] = {{"retries", "message.send.max.retries"},
		{"message.timeout.ms", "delivery.timeout.ms"}, {"linger.ms", "queue.buffering.max.ms"}};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(names[i][1], name) == 0 && strstr(text, names[i][0]) != NULL)
			return true;
	return strstr(text, name) != NULL;
}

/* The longest name in the text: names are parts of one another. */
static const char *longest_in(const char *text, const struct settings *properties, const char *best)
{
	for (size_t i = 0; i < properties->count; i++)
		if (is_in(text, properties->items[i].name) &&
			strlen(properties->items[i].name) > strlen(best))
			best = properties->items[i].name;
	return best;
}

/* The property that a text of librdkafka is about, or "". */
static const char *named_in(const char *text, const struct kafka_answers *answers)
{
	return longest_in(text, answers->properties,
		longest_in(text, &answers->security->derived, ""));
}

static void on_check_log(const char *facility, const char *text)
{
	const char *property = named_in(text, checking);

	/* librdkafka names an alias by its other name. The line about missing brokers is expected. */
	if (strcmp(facility, "CONFWARN") == 0 && strstr(text, "bootstrap.servers") == NULL)
		answer(checking, "warning", property, without_thread(text));
}

static void log_text(
	const rd_kafka_t *client, int level, const char *facility, const char *text)
{
	struct kafka_health *health = rd_kafka_opaque(client);

	if (health != NULL && strcmp(facility, "FAIL") == 0) {
		log_debug("librdkafka: %s", text);
		kafka_health_failed(health, 0, without_thread(text));
		return;
	}
	if (health != NULL && strcmp(facility, "SSLCERTVRFY") == 0) {
		log_debug("librdkafka: %s", text);
		kafka_health_certificate(health, without_thread(text));
		return;
	}
	/* All begins again behind what is committed. */
	if (strcmp(facility, "TXNERR") == 0)
		level = LOG_WARNING;
	/* What a dead producer has left open is ended first, and the client asks again soon. */
	if (strcmp(facility, "GETPID") == 0 && strstr(text, "concurrent operation on the same transaction") != NULL)
		level = LOG_DEBUG;
	/* A fatal error comes as an event, too, and whoever takes that says what it means; the sink
	 * knows what it does with that property. */
	if (strcmp(facility, "FATAL") == 0 ||
		(strcmp(facility, "TXNERR") == 0 && strstr(text, "Fatal transaction error") != NULL) ||
		(strcmp(facility, "CONFWARN") == 0 &&
			strstr(text, "enable.gapless.guarantee") != NULL))
		level = LOG_DEBUG;
	if (level <= LOG_CRIT)
		log_error("librdkafka: %s: %s", facility, text);
	else if (level <= LOG_WARNING)
		log_warning("librdkafka: %s: %s", facility, text);
	else
		log_debug("librdkafka: %s: %s", facility, text);
	/* "Unable to create broker thread": it tells nobody else, and would do without that broker
	 * for ever. */
	if (level <= LOG_CRIT && strcmp(facility, "THREAD") == 0)
		_exit(STATUS_TEMPFAIL);
}

static void on_log(const rd_kafka_t *client, int level, const char *facility, const char *text)
{
	char *redacted;

	if (checking != NULL) {
		on_check_log(facility, text);
		return;
	}
	if (level > LOG_WARNING && log_level() < LEVEL_DEBUG && strcmp(facility, "FAIL") != 0)
		return; /* with `debug` there are many, and each is searched */
	redacted = redact_text(text, level <= LOG_WARNING ? REDACT_REASON : REDACT_LINE);
	log_text(client, level, facility, redacted != NULL ? redacted : text);
	free(redacted);
}

/* The reason why the program ends, which is what frees it. */
static const char *last_words(const char *why)
{
	const char *redacted = redact_text(why, REDACT_REASON);

	return redacted != NULL ? redacted : why;
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char why[512];

	if (rd_kafka_conf_set(conf, name, value, why, sizeof why) != RD_KAFKA_CONF_OK)
		die(STATUS_CONFIG, "property '%s': %s", name, why);
}

/* Sets one of the user's, or *why says what is wrong. A setting that only librdkafka knows is too new for
 * anybody to have looked at what it runs: to set it would be to find out. */
static rd_kafka_conf_res_t set_checked(
	rd_kafka_conf_t *conf, const struct setting *setting, char why[512])
{
	rd_kafka_conf_res_t result = RD_KAFKA_CONF_UNKNOWN;
	bool known = config_property_known(setting->name);
	size_t size = 0;

	if (known)
		result = rd_kafka_conf_set(conf, setting->name, setting->value, why, 512);
	if (!known && rd_kafka_conf_get(conf, setting->name, NULL, &size) == RD_KAFKA_CONF_OK)
		snprintf(why, 512, "'%.100s' is not among the settings that Bruco has examined",
			setting->name);
	else if (result == RD_KAFKA_CONF_UNKNOWN)
		snprintf(why, 512, "'%.100s' is not a setting of librdkafka %s", setting->name,
			rd_kafka_version_str());
	return result;
}

static void set_users(
	rd_kafka_conf_t *conf, const struct setting *setting, struct kafka_answers *answers)
{
	char why[512];
	rd_kafka_conf_res_t result = set_checked(conf, setting, why);

	if (result == RD_KAFKA_CONF_OK)
		return;
	if (answers != NULL)
		answer(answers, "error", setting->name, why);
	else if (result == RD_KAFKA_CONF_UNKNOWN)
		die(STATUS_CONFIG, "property %s", why);
	else
		die(STATUS_CONFIG, "property '%s': %s", setting->name, last_words(why));
}

bool kafka_version_supported(int version)
{
	return version >= 0x020002ff;
}

rd_kafka_conf_t *kafka_conf(const char *brokers, const struct kafka_default *defaults,
	size_t default_count, const struct security_config *security,
	const struct settings *properties, struct kafka_answers *answers)
{
	rd_kafka_conf_t *conf;

	if (!kafka_version_supported(rd_kafka_version()))
		die(STATUS_CONFIG, "librdkafka %s is not supported: 2.0.2 or later is needed",
			rd_kafka_version_str());
	conf = rd_kafka_conf_new();
	rd_kafka_conf_set_log_cb(conf, on_log);
	rd_kafka_conf_set_error_cb(conf, kafka_error);
	rd_kafka_conf_set_ssl_cert_verify_cb(conf, kafka_verify);
	set(conf, "client.id", "bruco");
	/* With "false" no end of a connection would be told, hints about its reason neither. */
	set(conf, "log.connection.close", "true");
	set(conf, "socket.nagle.disable", "true");
	set(conf, "reconnect.backoff.max.ms", "1000");
	if (rd_kafka_version() >= 0x02050000) /* else the client reports on itself to the broker */
		set(conf, "enable.metrics.push", "false");
	for (size_t i = 0; i < default_count; i++)
		if (defaults[i].value != NULL)
			set(conf, defaults[i].name, defaults[i].value);
	redact_learn(&security->derived);
	redact_learn(properties);
	for (size_t i = 0; i < security->derived.count; i++)
		set_users(conf, &security->derived.items[i], answers);
	for (size_t i = 0; i < properties->count; i++)
		set_users(conf, &properties->items[i], answers);
	tokens_configure(conf, security);
	if (answers == NULL)
		set(conf, "bootstrap.servers", brokers);
	return conf;
}

rd_kafka_t *kafka_client(rd_kafka_type_t type, rd_kafka_conf_t *conf)
{
	char why[512];
	rd_kafka_t *client = rd_kafka_new(type, conf, why, sizeof why);

	if (client == NULL)
		die(rd_kafka_last_error() == RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE
				  ? STATUS_TEMPFAIL
				  : STATUS_CONFIG,
			"cannot create the %s: %s",
			type == RD_KAFKA_PRODUCER ? "producer" : "consumer", last_words(why));
	return client;
}

/* Librdkafka hands on what OpenSSL says, which is not why a file can't be read. */
static const char *why_unreadable(const struct kafka_answers *answers, const char *name)
{
	const struct settings *all[] = {answers->properties, &answers->security->derived};
	size_t length = strlen(name);

	if (length < 9 || strcmp(name + length - 9, ".location") != 0)
		return NULL;
	for (size_t i = 0; i < 2; i++)
		for (size_t j = 0; j < all[i]->count; j++)
			if (strcmp(all[i]->items[j].name, name) == 0)
				return access(all[i]->items[j].value, R_OK) == 0 ? NULL : strerror(errno);
	return NULL;
}

static void answer_failure(struct kafka_answers *answers, const char *why)
{
	const char *name = named_in(why, answers), *unreadable = why_unreadable(answers, name);
	char text[600];

	snprintf(text, sizeof text, "%.511s%s%s", why, unreadable == NULL ? "" : ": ",
		unreadable == NULL ? "" : unreadable);
	answer(answers, "error", name, text);
}

void kafka_check(rd_kafka_type_t type, rd_kafka_conf_t *conf, struct kafka_answers *answers)
{
	rd_kafka_t *client;
	char why[512];

	checking = answers;
	client = rd_kafka_new(type, conf, why, sizeof why);
	checking = NULL;
	if (client == NULL)
		answer_failure(answers, why);
	else
		rd_kafka_destroy(client);
}

const char *kafka_property(const rd_kafka_conf_t *conf, const char *name)
{
	static char value[512];
	size_t size = sizeof value;

	if (rd_kafka_conf_get(conf, name, value, &size) != RD_KAFKA_CONF_OK)
		value[0] = '\0';
	return value;
}

int kafka_error_status(rd_kafka_resp_err_t error)
{
	switch (error) {
	case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
		return STATUS_REFUSED;
	case RD_KAFKA_RESP_ERR__FATAL:
		return STATUS_TEMPFAIL;
	default:
		return STATUS_OK;
	}
}

/* The first fatal error of a client, which is its last. Of a refusal that ends a producer the delivery
 * reports say more. */
static void end_fatal(rd_kafka_t *client)
{
	char text[512];
	rd_kafka_resp_err_t error = rd_kafka_fatal_error(client, text, sizeof text);
	int status = kafka_error_status(error);

	if (error == RD_KAFKA_RESP_ERR__GAPLESS_GUARANTEE)
		return;
	log_error("%s (%s)", last_words(text), rd_kafka_err2name(error));
	_exit(status != STATUS_OK ? status : STATUS_TEMPFAIL);
}

static void hear_error(
	rd_kafka_t *client, int error, const char *reason, struct kafka_health *health)
{
	switch (error) {
	case RD_KAFKA_RESP_ERR__FATAL:
		end_fatal(client);
		break;
	case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
		kafka_health_down(health, reason);
		break;
	case RD_KAFKA_RESP_ERR__TRANSPORT:
	case RD_KAFKA_RESP_ERR__RESOLVE:
	case RD_KAFKA_RESP_ERR__TIMED_OUT:
	case RD_KAFKA_RESP_ERR__SSL:
	case RD_KAFKA_RESP_ERR__AUTHENTICATION:
	case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
	case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
	case RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE:
		kafka_health_failed(health, error, reason);
		break;
	default:
		log_debug("%s", reason); /* librdkafka has logged it and goes on by itself */
	}
}

void kafka_error(rd_kafka_t *client, int error, const char *reason, void *opaque)
{
	char *redacted = redact_text(reason, REDACT_REASON);

	hear_error(client, error, redacted != NULL ? redacted : reason, opaque);
	free(redacted);
}

int kafka_queue_descriptor(rd_kafka_queue_t *queue)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	if (fd < 0)
		die(status_of_error(errno), "cannot create an eventfd: %s", strerror(errno));
	rd_kafka_queue_io_event_enable(queue, fd, &(uint64_t){1}, sizeof(uint64_t));
	return fd;
}

/* ---- headers: the client hands a name over as a C string, so that one with a NUL byte in it looks
 * like the part before that byte */

struct name {
	const char *text;
	bool whole; /* known */
};

/* The value lies right behind the name and the NUL that ends it, unless there is no value: so the
 * first NUL is the one that ends it. If a later librdkafka laid them out in another way, all names
 * would have to be asked for. */
static bool next_to_its_value(const char *name, const void *value)
{
	return value == name + strlen(name) + 1;
}

static int by_text(const void *one, const void *other)
{
	return strcmp(((const struct name *)one)->text, ((const struct name *)other)->text);
}

/* Whether all names are whole. Those not known to be are asked for: the client compares whole names,
 * so that it finds as many of a name as there were, or else one of them was longer. */
static bool all_whole(const rd_kafka_headers_t *headers, struct name *names, size_t count)
{
	const void *value;
	size_t size;

	qsort(names, count, sizeof *names, by_text);
	for (size_t i = 0, next; i < count; i = next) {
		bool whole = names[i].whole;

		for (next = i + 1; next < count && by_text(&names[i], &names[next]) == 0; next++)
			whole = whole && names[next].whole;
		if (!whole && rd_kafka_header_get(headers, next - i - 1, names[i].text, &value,
				      &size) != RD_KAFKA_RESP_ERR_NO_ERROR)
			return false;
	}
	return true;
}

const char *kafka_headers_encode(
	const rd_kafka_message_t *message, struct buf *out, uint32_t *count)
{
	static struct buf names; /* struct name of each header */
	rd_kafka_headers_t *headers;
	rd_kafka_resp_err_t error = rd_kafka_message_headers(message, &headers);
	bool whole = true;
	const void *value;
	size_t size;
	struct name name;

	buf_reset(out);
	buf_reset(&names);
	*count = 0;
	if (error == RD_KAFKA_RESP_ERR__NOENT)
		return NULL;
	if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
		return "record with headers that can't be read: damaged, or more than 100000";
	while (rd_kafka_header_get_all(headers, *count, &name.text, &value, &size) ==
		RD_KAFKA_RESP_ERR_NO_ERROR) {
		struct frame_header header = {.name = name.text,
			.name_length = (uint32_t)strlen(name.text),
			.value_length = value == NULL ? FRAME_NULL : (int32_t)size,
			.value = value};

		name.whole = next_to_its_value(name.text, value);
		whole = whole && name.whole;
		buf_append(&names, &name, sizeof name);
		headers_append(out, &header);
		(*count)++;
	}
	if (whole || all_whole(headers, (struct name *)(void *)names.data, *count))
		return NULL;
	buf_reset(out);
	*count = 0;
	return "record with a NUL byte in a header's name, which Kafka's client can't hand over";
}

void kafka_print_version(void)
{
	printf("librdkafka %s\n", rd_kafka_version_str());
}
