/*
 * bruco-broker: a throw-away Kafka on loopback, which is librdkafka's mock cluster. See its page
 * for what it is not.
 */
#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/options.h"
#include "base/protect.h"
#include "base/signals.h"
#include "base/status.h"
#include "base/text.h"
#include "bruco-broker/port.h"
#include "bruco-broker/requests.h"
#include "bruco-broker/speed.h"

enum { OPTION_LISTEN = OPTION_OWN, OPTION_CONTROL, OPTION_SPEED, PARTITIONS_MAX = 1000, TOPIC_MAX = 249 };

static const char topic_letters[] =
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

static const char usage[] =
	"usage: bruco-broker [-qv] [--control] [--listen port] [--speed factor]\n"
	"                    [-t topic[:partitions]] ...\n"
	"A throw-away Kafka on loopback, in memory, for demos and fast tests. Prints its\n"
	"address and lives until its standard input closes or a signal comes.\n"
	"\n"
	"      --control         answer requests on standard input\n"
	"      --listen PORT     listen on this port of 127.0.0.1 (default: a free one)\n"
	"      --speed FACTOR    let the broker's time pass faster, 1 to 100 times\n"
	"  -t, --topic NAME[:N]  make a topic with N partitions (default: 4); repeatable\n"
	"  -q, --quiet           log warnings and errors only\n"
	"  -v, --verbose         log each request\n"
	"      --log-format FORM text (default) or json\n"
	"      --help            show this text\n"
	"      --version         show the versions\n";

struct topic {
	char *name;
	int partitions;
};

static void print_versions(void)
{
	printf("librdkafka %s\n", rd_kafka_version_str());
}

static const struct program program = {"bruco-broker", usage, print_versions};

static struct topic parse_topic(const char *text)
{
	const char *colon = strchr(text, ':');
	size_t length = colon == NULL ? strlen(text) : (size_t)(colon - text);
	int64_t partitions = 4;

	if (length == 0 || length > TOPIC_MAX || strspn(text, topic_letters) < length)
		options_misuse(&program, "'%.*s' is not a topic's name", (int)length, text);
	if (colon != NULL && !text_integer(colon + 1, 1, PARTITIONS_MAX, &partitions))
		options_misuse(&program, "'%s' is not a number of partitions (1 to %d)", colon + 1,
			PARTITIONS_MAX);
	return (struct topic){mem_text_n(text, length), (int)partitions};
}

static void log_client(const rd_kafka_t *client, int level, const char *facility, const char *text)
{
	(void)client;
	(void)facility;
	log_line(level <= 3 ? LEVEL_ERROR : level <= 4 ? LEVEL_WARNING : LEVEL_DEBUG, "%s", text);
}

/* The mock cluster lives inside a client, which connects to nothing itself. */
static rd_kafka_t *make_client(void)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char why[256];
	rd_kafka_t *client;

	rd_kafka_conf_set_log_cb(conf, log_client);
	rd_kafka_conf_set(conf, "log.thread.name", "false", why, sizeof why);
	if (log_level() >= LEVEL_DEBUG)
		rd_kafka_conf_set(conf, "debug", "mock", why, sizeof why);
	client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
	if (client == NULL)
		die(status_of_error(errno), "librdkafka: %s", why);
	return client;
}

/* Until a signal comes or the other end of standard input is gone. Without `control` nothing is
 * read. */
static void wait_for_end(int signals, bool control)
{
	struct pollfd fds[] = {{.fd = signals, .events = POLLIN},
		{.fd = STDIN_FILENO, .events = control ? POLLIN : POLLRDHUP}};

	for (;;) {
		if (fd_poll(fds, 2, -1) <= 0)
			continue;
		if (fds[0].revents != 0 || !control || !requests_read())
			return;
	}
}

static void print_address(const char *address)
{
	if (printf("%s\n", address) < 0 || fflush(stdout) != 0)
		die(STATUS_UNAVAILABLE, "cannot print the address: %s", strerror(errno));
}

struct settings {
	struct topic *topics;
	size_t topic_count;
	int64_t port; /* 0: a free one */
	int64_t speed;
	bool control;
};

static void add_topic(struct settings *settings, const char *text)
{
	settings->topics = mem_grow(
		settings->topics, settings->topic_count + 1, sizeof *settings->topics);
	settings->topics[settings->topic_count++] = parse_topic(text);
}

static void parse_options(struct settings *settings, int argc, char **argv)
{
	static const struct option options[] = {OPTIONS_COMMON,
		{"control", no_argument, NULL, OPTION_CONTROL},
		{"listen", required_argument, NULL, OPTION_LISTEN},
		{"speed", required_argument, NULL, OPTION_SPEED},
		{"topic", required_argument, NULL, 't'}, {0}};
	int option;

	while ((option = options_next(argc, argv, "qvt:", options)) != -1) {
		if (option == 't') {
			add_topic(settings, optarg);
		} else if (option == OPTION_CONTROL) {
			settings->control = true;
		} else if (option == OPTION_LISTEN) {
			if (!text_integer(optarg, 1, 65535, &settings->port))
				options_misuse(&program, "'%s' is not a port (1 to 65535)", optarg);
		} else if (option == OPTION_SPEED) {
			if (!text_integer(optarg, 1, SPEED_MOST, &settings->speed))
				options_misuse(&program, "'%s' is not a speed (1 to %d)", optarg,
					SPEED_MOST);
		} else {
			options_common(&program, option);
		}
	}
	if (optind < argc)
		options_misuse(&program, "unexpected argument '%s'", argv[optind]);
}

static void make_topics(rd_kafka_mock_cluster_t *cluster, struct settings *settings)
{
	for (size_t i = 0; i < settings->topic_count; i++) {
		struct topic *topic = &settings->topics[i];
		rd_kafka_resp_err_t error =
			rd_kafka_mock_topic_create(cluster, topic->name, topic->partitions, 1);

		if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
			die(STATUS_SOFTWARE, "cannot make topic '%s': %s", topic->name,
				rd_kafka_err2str(error));
		free(topic->name);
	}
	free(settings->topics);
}

int main(int argc, char **argv)
{
	struct settings settings = {.speed = 1};
	rd_kafka_mock_cluster_t *cluster;
	rd_kafka_t *client;
	int signals;

	protect_begin(); /* 'bruco dev' gives it its own environment */
	signals_reset();
	fd_ensure_standard();
	log_init(program.name);
	parse_options(&settings, argc, argv);
	signals = signals_init(false);
	speed_choose(settings.speed);
	client = make_client();
	port_choose((uint16_t)settings.port);
	cluster = rd_kafka_mock_cluster_new(client, 1);
	if (cluster == NULL)
		die(status_of_error(errno), "cannot make the mock cluster: %s", strerror(errno));
	make_topics(cluster, &settings);
	if (settings.control)
		requests_init(cluster);
	print_address(rd_kafka_mock_cluster_bootstraps(cluster));

	wait_for_end(signals, settings.control);
	/* There is nothing to save, and taking the cluster down in good order takes a second. */
	_exit(STATUS_OK);
}
