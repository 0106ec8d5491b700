/* lib/config: what --set lays over a file. */
#include "config_file.h"

#include <string.h>

/* Loads the text with these overrides, NULL-terminated. */
static size_t load_with(const char *text, const char *const *overrides)
{
	enter_folder();
	write_file("config.yaml", text, strlen(text));
	config_release(&config);
	config_init(&config);
	buf_reset(&notes);
	for (; *overrides != NULL; overrides++)
		CHECK(config_override(&config, *overrides));
	return config_load(&config, "config.yaml", SECTION_ALL, &notes);
}

#define LOAD(text, ...) load_with(text, (const char *const[]){__VA_ARGS__, NULL})

static const char kafka[] = "processor:\n"
			    "source: {kind: kafka, brokers: b, topics: [old], consumerGroup: g,\n"
			    "  properties: {check.crcs: true}}\n";

static const char *property(const char *name)
{
	for (size_t i = 0; i < config.source.properties.count; i++)
		if (strcmp(config.source.properties.items[i].name, name) == 0)
			return config.source.properties.items[i].value;
	return "";
}

TEST(a_value_takes_the_place_of_the_files_or_comes_to_it)
{
	CHECK_INT(LOAD(kafka, "source.topics=a,b", "name=x", "processor.retry.attempts=7",
			  "metrics.listen=[::1]:9095"),
		0);
	CHECK_INT(config.source.topics.count, 2);
	CHECK_TEXT(config.source.topics.items[1], "b");
	CHECK_TEXT(config.source.brokers, "b");
	CHECK_TEXT(config.name, "x");
	CHECK_INT(config.processor.retry_attempts, 7);
	CHECK_TEXT(config.metrics.listen, "[::1]:9095");
	CHECK_TEXT(said(), "");
}

TEST(of_two_for_one_key_the_later_one_counts)
{
	CHECK_INT(LOAD(kafka, "source.topics=a", "source.topics=[c, d, e]"), 0);
	CHECK_INT(config.source.topics.count, 3);
	CHECK_INT(LOAD(kafka, "sink.kind=lines", "sink={kind: json}"), 0);
	CHECK_TEXT(config.sink.kind, "json");
}

TEST(the_name_of_a_property_is_one_name)
{
	CHECK_INT(LOAD(kafka, "source.properties.queued.min.messages=5",
			  "source.properties.client.id=a=b, {c"),
		0);
	CHECK_INT(config.source.properties.count, 3);
	CHECK_TEXT(property("queued.min.messages"), "5");
	CHECK_TEXT(property("client.id"), "a=b, {c");
	CHECK_TEXT(property("check.crcs"), "true");
}

TEST(lists_and_maps_are_yaml_and_all_other_values_texts)
{
	CHECK_INT(LOAD(kafka, "processor.env=[{name: A, value: 'b: c'}]"), 0);
	CHECK_INT(config.processor.env.count, 1);
	CHECK_TEXT(config.processor.env.items[0].value, "b: c");
	CHECK_INT(LOAD(kafka, "source.consumerGroup=&a #b: *c"), 0);
	CHECK_TEXT(config.source.consumer_group, "&a #b: *c");
	CHECK_INT(LOAD("source: {kind: lines}\n", "processor="), 0);
	CHECK(config.processor.present);
}

TEST(values_are_substituted)
{
	CHECK_INT(LOAD(kafka, "source.consumerGroup=${NO_SUCH_THING_HERE:-me}$$"), 0);
	CHECK_TEXT(config.source.consumer_group, "me$");
}

TEST(mistakes_name_the_override_behind_those_of_the_file)
{
	CHECK_INT(LOAD("source: {kind: lines}\nmaxRestarts: x\n", "source.windowTime=",
			  "source.windwo=1", "sorce.kind=x", "processor.env=[a",
			  "processor.workers=0", "maxWait=1h", "processor.env=[{nam: x}]",
			  "processor.retry.backoff=1h", "source.fireAndForget=true"),
		8);
	CHECK_TEXT(said(),
		"config.yaml:2:14: maxRestarts: expected a number from 0 to 1000, found 'x'\n"
		"--set source.windowTime: expected a duration from 0s to 1h, found nothing\n"
		"--set source.windwo: unknown key 'windwo' in source (did you mean 'window'?)\n"
		"--set sorce.kind: unknown key 'sorce' (did you mean 'source'?)\n"
		"--set processor.workers: expected a number from 1 to 256 or auto, found '0'\n"
		"--set processor.env: unknown key 'nam' in processor.env (did you mean 'name'?)\n"
		"--set processor.retry.backoff: 1h is longer than maxBackoff, 10s\n"
		"--set source.fireAndForget: 'source.fireAndForget' is a key of kind 'kafka', not of "
		"kind 'lines'\n");
}

TEST(yaml_that_is_wrong_is_at_the_override)
{
	CHECK_INT(LOAD(kafka, "processor.env=[{name: A, value: *b}]"), 1);
	CHECK_TEXT(said(), "--set processor.env: aliases are not supported (a text that begins with "
			   "'*' must be quoted)\n");
	CHECK_INT(LOAD(kafka, "sink={kind: lines, kind: json}"), 1);
	CHECK_TEXT(said(), "--set sink: duplicate key 'kind'\n");
	CHECK_INT(LOAD(kafka, "sink={kind}}"), 1);
	CHECK(strncmp(said(), "--set sink: syntax error: ", 26) == 0);
}

TEST(one_place_names_another)
{
	CHECK_INT(LOAD(kafka, "source.fireAndForget=true", "processor.ordering=key"), 1);
	CHECK_TEXT(said(), "--set source.fireAndForget: true means 'processor.ordering: none', but "
			   "that is 'key' (at --set processor.ordering)\n");
	CHECK_INT(LOAD("source: {kind: lines}\n", "sink.kind=kafka"), 0);
	CHECK_INT(config_missing(&config, SECTION_ALL, &notes), 2);
	CHECK_TEXT(said(), "config.yaml: sink.brokers is missing\nconfig.yaml: sink.topic is missing\n");
}

TEST(secrets_are_not_shown)
{
	CHECK_INT(LOAD(kafka, "source.properties.sasl.password=hunter2",
			  "source.balanceStrategy=${file:hunter3}"),
		1);
	CHECK(strstr(said(), "--set source.balanceStrategy: cannot read file") == said());
	buf_reset(&notes);
	config_dump(&config, SECTION_ALL, true, &notes);
	CHECK(strstr(said(), "sasl.password: \"***\"") != NULL);
	CHECK(strstr(said(), "hunter2") == NULL);
}

TEST(what_is_no_override)
{
	config_release(&config);
	config_init(&config);
	CHECK(!config_override(&config, "source.topics"));
	CHECK(!config_override(&config, "=a"));
	CHECK(!config_override(&config, "name=\xff"));
	CHECK_INT(config.overrides.count, 0);
}

UNIT_MAIN
