#include "bruco-source/options.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yaml.h>

#include "base/address.h"
#include "base/mem.h"
#include "base/options.h"
#include "base/parts.h"
#include "base/text.h"
#include "config/subjects.h"
#include "config/types/values.h"
#include "kafka/client.h"
#ifndef WITHOUT_NATS
#include "nats/client.h"
#endif
#include "stage/command.h"

static const char usage[] =
	"usage: bruco-source [-eqv] [-l path] [-n count] -c file\n"
	"       bruco-source [-eqv] [-l path] [-n count] kafka -b brokers -t topic[,...]\n"
	"                    -g group | --no-group [-p partition[,...]] [-o offset] [-X name=value]\n"
	"       bruco-source [-v] kafka -b brokers [-t topic[,...]] [-X name=value] -L [--json]\n"
	"       bruco-source [-eqv] [-l path] [-n count] lines|json|frames [-K] < input\n"
	"       bruco-source [-qv] [-l path] [-n count] http [--listen [address:]port]\n"
	"       bruco-source [-qv] [-l path] [-n count] nats -b servers -t subject [-g group]\n"
	"       bruco-source [-eqv] [-l path] [-n count] file [--format form] [-g name] [-o offset] path ...\n"
	"       bruco-source [-eqv] [-l path] [-n count] exec [--format form] -- program [argument ...]\n"
	"\n"
	"Turns records of an external system into frames on standard output.\n"
	"\n"
	"  -b, --brokers LIST     addresses of Kafka brokers or NATS servers, comma-separated\n"
	"  -c, --config FILE      read the source section of a configuration\n"
	"  -e, --end              stop at the offsets that were last at the start\n"
	"      --format FORM      how records stand in files, or in what a program prints: lines, json or frames\n"
	"  -g, --group NAME       consumer group; of NATS, queue group; of files, by what name to remember how far\n"
	"                         they are read\n"
	"  -K, --keys             lines are key TAB value\n"
	"      --json             -L prints JSON\n"
	"  -L, --list             print what the cluster has: brokers, topics, partitions\n"
	"  -l, --link PATH        wait for acknowledgements of a bruco-sink with the same path\n"
	"      --listen PORT      where to take requests: a port, or address:port\n"
	"  -n, --count COUNT      stop after this many records\n"
	"      --no-group         read without a consumer group: join nothing, commit nothing\n"
	"  -o, --offset OFFSET    where to start without a committed offset: earliest or beginning,\n"
	"                         latest or end, a number, -N before the end, or a time\n"
	"  -p, --partition LIST   with --no-group: partitions by number, comma-separated\n"
	"  -q, --quiet            warnings and errors only\n"
	"  -t, --topic LIST       topics, comma-separated; of NATS, a subject\n"
	"  -v, --verbose          say more\n"
	"  -X, --property N=V     set a librdkafka property\n"
	"      --log-format FORM  text or json\n"
	"      --help             show this text\n"
	"      --version          show the versions\n";

static void print_versions(void)
{
	kafka_print_version();
	IF_NATS(nats_print_version();)
	printf("libyaml %s\njansson %s\n", yaml_get_version_string(), jansson_version_str());
}

static const struct program program = {"bruco-source", usage, print_versions};

static int64_t number(const char *what, const char *text, int64_t low)
{
	int64_t value;

	if (!text_integer(text, low, INT64_MAX, &value))
		options_misuse(&program, "%s '%s' is not a whole number of %lld or more", what,
			text, (long long)low);
	return value;
}

/* Flags are remembered and applied over the file. */
struct flags {
	struct command_flags common;
	const char *group, *offset, *listen, *partitions, *format;
	bool no_group, list, as_json;
	struct texts operands;
};

enum { OPTION_LISTEN = OPTION_OWN, OPTION_NO_GROUP, OPTION_JSON, OPTION_FORMAT };

/* What both have that have servers. */
static bool any_server_flag(const struct flags *flags)
{
	return flags->common.brokers != NULL || flags->common.topics != NULL || flags->group != NULL;
}

static bool any_kafka_flag(const struct flags *flags)
{
	return flags->offset != NULL || flags->partitions != NULL || flags->no_group || flags->list ||
	       flags->common.properties.count > 0;
}

static bool is(const char *kind, const char *name)
{
	return kind != NULL && strcmp(kind, name) == 0;
}

/* The kinds that have operands, and no server. */
static bool check_local(const struct flags *flags, const char *kind)
{
	if (!is(kind, "file") && !is(kind, "exec"))
		return false;
	if (flags->common.brokers != NULL || flags->common.topics != NULL || flags->listen != NULL ||
		flags->common.properties.count > 0)
		options_misuse(&program, "-b, -t, -X and --listen are not for kind %s", kind);
	if (is(kind, "exec") && (flags->group != NULL || flags->offset != NULL))
		options_misuse(&program, "-g and -o are not for kind exec");
	if (flags->common.config_path != NULL && (flags->group != NULL || flags->offset != NULL))
		options_misuse(&program, "-g and -o of kind file do not go with -c");
	return true;
}

static void check_kind(const struct flags *flags, const char *kind)
{
	bool kafka = kind == NULL || strcmp(kind, "kafka") == 0;

	if (check_local(flags, kind))
		return;
	command_operands(&program, &flags->operands, 0);
	if (flags->format != NULL)
		options_misuse(&program, "--format is for kinds file and exec");
	if (any_kafka_flag(flags) && !kafka)
		options_misuse(&program, "-L, --no-group, -o, -p and -X are for kind kafka");
	if (any_server_flag(flags) && !kafka && strcmp(kind, "nats") != 0)
		options_misuse(&program, "-b, -g and -t are for kinds kafka and nats");
	if (flags->listen != NULL && (kind == NULL || strcmp(kind, "http") != 0))
		options_misuse(&program, "--listen is for kind http");
}

/* What makes no sense together. */
static void check_use(const struct flags *flags, const struct source_options *options)
{
	if (flags->no_group && flags->group != NULL)
		options_misuse(&program, "-g names a group, and --no-group says that there is none");
	if (flags->partitions != NULL && !flags->no_group)
		options_misuse(&program,
			"-p is for --no-group: the members of a group divide the partitions among themselves");
	if (flags->as_json && !flags->list)
		options_misuse(&program, "--json is for -L");
	if (flags->list && (flags->group != NULL || flags->no_group || flags->offset != NULL ||
				   options->stop_at_end || options->limit >= 0 || options->link_path != NULL))
		options_misuse(&program, "-L reads no records: -e, -g, -l, -n, --no-group, -o and -p do not go with it");
}

static void parse(int argc, char **argv, struct flags *flags, struct source_options *options)
{
	static const struct option longs[] = {COMMAND_OPTIONS, {"end", no_argument, NULL, 'e'},
		{"group", required_argument, NULL, 'g'}, {"count", required_argument, NULL, 'n'},
		{"offset", required_argument, NULL, 'o'}, {"partition", required_argument, NULL, 'p'},
		{"no-group", no_argument, NULL, OPTION_NO_GROUP}, {"list", no_argument, NULL, 'L'},
		{"json", no_argument, NULL, OPTION_JSON},
		{"listen", required_argument, NULL, OPTION_LISTEN},
		{"format", required_argument, NULL, OPTION_FORMAT}, {0}};
	int option;

	while ((option = options_next(argc, argv, COMMAND_LETTERS "eg:Ln:o:p:", longs)) != -1) {
		if (command_option(&program, &flags->common, option))
			continue;
		switch (option) {
		case 'e':
			options->stop_at_end = true;
			break;
		case 'g':
			flags->group = optarg;
			break;
		case OPTION_LISTEN:
			flags->listen = optarg;
			break;
		case OPTION_FORMAT:
			flags->format = optarg;
			break;
		case 'n':
			options->limit = number("count", optarg, 1);
			break;
		case 'o':
			flags->offset = optarg;
			break;
		case 'p':
			flags->partitions = optarg;
			break;
		case OPTION_NO_GROUP:
			flags->no_group = true;
			break;
		case 'L':
			flags->list = true;
			break;
		case OPTION_JSON:
			flags->as_json = true;
			break;
		}
	}
	options->driver = flags->common.driver;
	options->link_path = flags->common.link_path;
	options->with_keys = flags->common.with_keys;
	check_use(flags, options);
}

/* "8080", "127.0.0.1:8080", "[::1]:8080". A port alone leaves the address as it is. */
static void apply_listen(const char *text, struct source_config *source)
{
	struct sockaddr_storage address;
	const char *colon = strrchr(text, ':');
	char host[INET6_ADDRSTRLEN];
	socklen_t length;

	if (!address_parse(text, &address, &length) ||
		getnameinfo((struct sockaddr *)&address, length, host, sizeof host, NULL, 0, NI_NUMERICHOST) != 0)
		options_misuse(&program, "'%s' is not a port, or an address and a port", text);
	source->port = (uint32_t)number("port", colon == NULL ? text : colon + 1, 1);
	if (colon != NULL)
		config_replace(&source->listen, host);
}

static void apply_nats(const struct flags *flags, struct source_config *source)
{
	const char *subject = flags->common.topics;
	const char *problem = subject == NULL ? NULL : subject_problem(subject, strlen(subject), true);

	if (problem != NULL)
		options_misuse(&program, "subject '%s' %s", subject, problem);
	if (flags->common.brokers != NULL)
		config_replace(&source->nats.servers, flags->common.brokers);
	if (subject != NULL)
		config_replace(&source->subject, subject);
	if (flags->group != NULL)
		config_replace(&source->queue_group, flags->group);
}

/* Both Kafka's words and kcat's. */
static void apply_offset(const char *text, struct source_config *source)
{
	const char *word = strcmp(text, "beginning") == 0 ? "earliest"
			   : strcmp(text, "end") == 0     ? "latest"
							  : text;

	if (!config_offset(word, &source->offset))
		options_misuse(&program,
			"offset '%s' is not earliest (beginning), latest (end), a number, -N or a time", text);
}

static void apply_partitions(const char *list, struct partition_numbers *partitions)
{
	struct texts texts = {0};

	config_texts(&texts, list);
	partitions->items = mem_array(texts.count, sizeof(int32_t));
	for (size_t i = 0; i < texts.count; i++) {
		int64_t value;

		if (!text_integer(texts.items[i], 0, INT32_MAX, &value))
			options_misuse(&program, "partition '%s' is not a number of 0 or more", texts.items[i]);
		for (size_t j = 0; j < i; j++)
			if (partitions->items[j] == value)
				options_misuse(&program, "partition %s is there twice", texts.items[i]);
		partitions->items[i] = (int32_t)value;
		free(texts.items[i]);
	}
	free(texts.items);
	partitions->count = texts.count;
	if (partitions->count == 0)
		options_misuse(&program, "-p names no partition");
}

/* A file may name a group, which then is none of ours. */
static void apply_use(const struct flags *flags, struct source_config *source)
{
	if (!flags->no_group && !flags->list)
		return;
	source->use = flags->list ? USE_LIST : USE_NO_GROUP;
	free(source->consumer_group);
	free(source->group_instance_id);
	source->consumer_group = source->group_instance_id = NULL;
	if (flags->partitions != NULL)
		apply_partitions(flags->partitions, &source->partitions);
}

static void apply_exec(const struct flags *flags, struct source_config *source)
{
	if (flags->operands.count > 0)
		source->command = flags->operands;
}

/* Without a file, what is remembered has the name that -g gives. */
static void apply_file(const struct flags *flags, struct config *config)
{
	struct source_config *source = &config->source;

	for (size_t i = 0; i < flags->operands.count; i++) {
		char *path = command_path(flags->operands.items[i]);

		if (i == 0)
			config_replace(&source->path, path);
		texts_add(&source->paths, path);
		free(path);
	}
	if (flags->common.config_path == NULL)
		source->forgetful = flags->group == NULL;
	if (flags->group != NULL)
		config_replace(&config->name, flags->group);
	if (is(flags->offset, "latest"))
		source->start = START_LATEST;
	else if (flags->offset != NULL && !is(flags->offset, "earliest"))
		options_misuse(&program, "offset '%s' of files is not earliest or latest", flags->offset);
}

static void apply_local(const struct flags *flags, struct config *config)
{
	if (flags->format != NULL)
		command_format(&program, flags->format, &config->source.format);
	if (is(config->source.kind, "exec"))
		apply_exec(flags, &config->source);
	else
		apply_file(flags, config);
}

static void apply(const struct flags *flags, struct source_config *source)
{
	if (source->kind != NULL && strcmp(source->kind, "nats") == 0) {
		apply_nats(flags, source);
		return;
	}
	if (flags->listen != NULL)
		apply_listen(flags->listen, source);
	if (flags->common.brokers != NULL)
		config_replace(&source->brokers, flags->common.brokers);
	if (flags->common.topics != NULL)
		config_texts(&source->topics, flags->common.topics);
	if (flags->group != NULL)
		config_replace(&source->consumer_group, flags->group);
	if (flags->offset != NULL)
		apply_offset(flags->offset, source);
	apply_use(flags, source);
}

static void answer(const struct config *config, struct buf *answers)
{
	const char *name = config->source.kind;
	const struct source_kind *kind = name == NULL ? NULL : source_kind_named(name);

	if (kind != NULL && kind->check != NULL &&
		config_has_properties(&config->source.security, &config->source.properties))
		kind->check(config, answers);
}

static void configure(int argc, char **argv, struct flags *flags, struct config *config)
{
	const char *word = command_kind(argc, argv, &flags->operands);

	if (word != NULL && source_kind_named(word) == NULL)
		options_misuse(&program, "unknown kind '%s' (%s)", word,
			source_kind_names);
	command_load(&program, config, flags->common.config_path, SECTION_SOURCE, word);
	check_kind(flags, config->source.kind);
	if (is(config->source.kind, "file") || is(config->source.kind, "exec"))
		apply_local(flags, config);
	else
		apply(flags, &config->source);
	command_complete(&program, config, SECTION_SOURCE, &flags->common.properties);
	command_check_properties(config, answer);
}

void options_read(int argc, char **argv, struct config *config, struct source_options *options)
{
	struct flags flags = {.common = {.driver = -1}};

	parse(argc, argv, &flags, options);
	if (flags.common.check)
		command_answer(config, SECTION_SOURCE | SECTION_POLICY, answer);
	if (options->driver < 0)
		configure(argc, argv, &flags, config);
	if (flags.list)
		_exit(source_kind_named(config->source.kind)->list(config, flags.as_json));
}
