#include "bruco-sink/options.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/options.h"
#include "base/parts.h"
#include "base/text.h"
#include "config/subjects.h"
#include "kafka/client.h"
#ifndef WITHOUT_NATS
#include "nats/client.h"
#endif
#include "stage/command.h"

static const char usage[] =
	"usage: bruco-sink [-qv] [-l path] -c file\n"
	"       bruco-sink [-qv] [-l path] kafka -b brokers -t topic [--partitioner name]\n"
	"                  [--partition number] [-X name=value]\n"
	"       bruco-sink [-qv] [-l path] lines|json|frames|discard [-K]\n"
	"       bruco-sink [-qv] -l path reply\n"
	"       bruco-sink [-qv] [-l path] nats -b servers -t subject\n"
	"       bruco-sink [-Kqv] [-l path] file [--format form] path\n"
	"       bruco-sink [-Kqv] [-l path] exec [--format form] [--acknowledge when] -- program [argument ...]\n"
	"\n"
	"Delivers the frames on standard input to an external system.\n"
	"\n"
	"      --acknowledge WHEN what is delivered to a program: what is written, ok or exit\n"
	"  -b, --brokers LIST     addresses of Kafka brokers or NATS servers, comma-separated\n"
	"  -c, --config FILE      read the sink section of a configuration\n"
	"      --format FORM      how records stand in a file, or in what a program reads: lines, json or frames\n"
	"  -K, --keys             lines are key TAB value\n"
	"  -l, --link PATH        send acknowledgements to a bruco-source with the same path\n"
	"      --partition N      produce to this partition\n"
	"      --partitioner NAME hash, murmur2, random or manual\n"
	"  -q, --quiet            warnings and errors only\n"
	"  -t, --topic NAME       topic; of NATS, subject\n"
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

static const struct program program = {"bruco-sink", usage, print_versions};

struct flags {
	struct command_flags common;
	const char *partitioner, *format, *acknowledge;
	int64_t partition; /* -1: not given */
	struct texts operands;
};

enum { OPTION_PARTITION = OPTION_OWN, OPTION_PARTITIONER, OPTION_FORMAT, OPTION_ACKNOWLEDGE };

static void parse(int argc, char **argv, struct flags *flags, struct sink_options *options)
{
	static const struct option longs[] = {COMMAND_OPTIONS,
		{"acknowledge", required_argument, NULL, OPTION_ACKNOWLEDGE},
		{"format", required_argument, NULL, OPTION_FORMAT},
		{"partition", required_argument, NULL, OPTION_PARTITION},
		{"partitioner", required_argument, NULL, OPTION_PARTITIONER}, {0}};
	int option;

	while ((option = options_next(argc, argv, COMMAND_LETTERS, longs)) != -1) {
		if (command_option(&program, &flags->common, option))
			continue;
		if (option == OPTION_PARTITIONER)
			flags->partitioner = optarg;
		else if (option == OPTION_FORMAT)
			flags->format = optarg;
		else if (option == OPTION_ACKNOWLEDGE)
			flags->acknowledge = optarg;
		else if (!text_integer(optarg, 0, INT32_MAX, &flags->partition))
			options_misuse(&program, "partition '%s' is not a number", optarg);
	}
	options->driver = flags->common.driver;
	options->link_path = flags->common.link_path;
	options->with_keys = flags->common.with_keys;
}

static void apply_nats(const struct flags *flags, struct sink_config *sink)
{
	const char *subject = flags->common.topics;
	const char *problem = subject == NULL ? NULL : subject_problem(subject, strlen(subject), false);

	if (problem != NULL)
		options_misuse(&program, "subject '%s' %s", subject, problem);
	if (flags->common.brokers != NULL)
		config_replace(&sink->nats.servers, flags->common.brokers);
	if (subject != NULL)
		config_replace(&sink->subject, subject);
}

static void apply_local(const struct flags *flags, struct sink_config *sink)
{
	char *path;

	if (flags->format != NULL)
		command_format(&program, flags->format, &sink->format);
	if (flags->acknowledge != NULL && !config_acknowledgement(flags->acknowledge, &sink->acknowledge))
		options_misuse(&program, "unknown acknowledgement '%s' (written, ok, exit)", flags->acknowledge);
	if (flags->operands.count == 0)
		return;
	if (strcmp(sink->kind, "exec") == 0) {
		sink->command = flags->operands;
		return;
	}
	path = command_path(flags->operands.items[0]);
	config_replace(&sink->path, path);
	free(path);
}

static void apply(const struct flags *flags, struct sink_config *sink)
{
	if (strcmp(sink->kind, "file") == 0 || strcmp(sink->kind, "exec") == 0) {
		apply_local(flags, sink);
		return;
	}
	if (strcmp(sink->kind, "nats") == 0) {
		apply_nats(flags, sink);
		return;
	}
	if (flags->common.brokers != NULL)
		config_replace(&sink->brokers, flags->common.brokers);
	if (flags->common.topics != NULL)
		config_replace(&sink->topic, flags->common.topics);
	if (flags->partitioner != NULL && config_partitioner(flags->partitioner) == NULL)
		options_misuse(&program, "unknown partitioner '%s' (hash, murmur2, random, manual)",
			flags->partitioner);
	if (flags->partitioner != NULL)
		config_replace(&sink->partitioner, config_partitioner(flags->partitioner));
	if (flags->partition >= 0) {
		if (flags->partitioner != NULL && strcmp(flags->partitioner, "manual") != 0)
			options_misuse(&program, "--partition goes with --partitioner manual");
		sink->partition = (int32_t)flags->partition;
		config_replace(&sink->partitioner, "manual");
	}
	if (strcmp(sink->partitioner, "manual") == 0 && sink->partition < 0)
		options_misuse(&program, "partitioner manual needs a partition");
}

static void check_kind(const struct flags *flags, const char *kind)
{
	bool kafka = strcmp(kind, "kafka") == 0, nats = strcmp(kind, "nats") == 0;
	bool file = strcmp(kind, "file") == 0, exec = strcmp(kind, "exec") == 0;

	if (!exec)
		command_operands(&program, &flags->operands, file ? 1 : 0);
	if (!file && !exec && flags->format != NULL)
		options_misuse(&program, "--format is for kinds file and exec");
	if (!exec && flags->acknowledge != NULL)
		options_misuse(&program, "--acknowledge is for kind exec");

	if (!kafka && (flags->partitioner != NULL || flags->partition >= 0 || flags->common.properties.count > 0))
		options_misuse(&program, "-X, --partition and --partitioner are for kind kafka");
	if (!kafka && !nats && (flags->common.brokers != NULL || flags->common.topics != NULL))
		options_misuse(&program, "-b and -t are for kinds kafka and nats");
}

static void answer_for(const struct config *config, const char *section,
	const struct sink_config *sink, struct buf *answers)
{
	const struct sink_kind *kind = sink->kind == NULL ? NULL : sink_kind_named(sink->kind);

	if (kind != NULL && kind->check != NULL &&
		config_has_properties(&sink->security, &sink->properties))
		kind->check(config, section, sink, answers);
}

static void answer(const struct config *config, struct buf *answers)
{
	answer_for(config, "sink", &config->sink, answers);
	answer_for(config, "deadLetter", &config->dead_letter, answers);
}

static void configure(int argc, char **argv, struct flags *flags, struct config *config)
{
	const char *word = command_kind(argc, argv, &flags->operands);

	if (word != NULL && sink_kind_named(word) == NULL)
		options_misuse(&program, "unknown kind '%s' (%s)", word,
			sink_kind_names);
	command_load(&program, config, flags->common.config_path, SECTION_SINK, word);
	check_kind(flags, config->sink.kind);
	apply(flags, &config->sink);
	command_complete(&program, config, SECTION_SINK, &flags->common.properties);
	command_check_properties(config, answer);
}

void options_read(int argc, char **argv, struct config *config, struct sink_options *options)
{
	struct flags flags = {.common = {.driver = -1}, .partition = -1};

	parse(argc, argv, &flags, options);
	if (flags.common.check)
		command_answer(config, SECTION_SINK | SECTION_POLICY, answer);
	if (options->driver < 0)
		configure(argc, argv, &flags, config);
}
