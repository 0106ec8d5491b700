/* lib/config: what is read from a file, what is said about it, and that a document is read back. */
#include "unit.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/processors.h"
#include "config/config.h"

#define KAFKA_SOURCE "source: {kind: kafka, brokers: b:1, topics: t, consumerGroup: g"

static char folder[64];

/* A folder of this test's own as the working directory; removed by the last one who leaves. */
static void leave_folder(void)
{
	(void)!chdir("/");
	for (const char *const *name = (const char *const[]){"config.yaml", "handler.py", "secret",
		     "sub/config.yaml", "sub", NULL};
		*name != NULL; name++) {
		char path[128];

		snprintf(path, sizeof path, "%s/%s", folder, *name);
		remove(path);
	}
	remove(folder);
}

static void enter_folder(void)
{
	char *absolute;

	if (folder[0] != '\0')
		return;
	strcpy(folder, "/tmp/bruco-config-XXXXXX");
	CHECK(mkdtemp(folder) != NULL);
	CHECK(chdir(folder) == 0);
	absolute = realpath(folder, NULL);
	CHECK(strlen(absolute) < sizeof folder);
	strcpy(folder, absolute);
	free(absolute);
	atexit(leave_folder);
}

static void write_file(const char *path, const void *data, size_t length)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CHECK(fd >= 0);
	CHECK(fd_write_all(fd, data, length) == 0);
	fd_close(&fd);
}

static struct config config;
static struct buf notes;

static size_t load_bytes(const void *data, size_t length, unsigned sections)
{
	enter_folder();
	write_file("config.yaml", data, length);
	config_release(&config);
	config_init(&config);
	buf_reset(&notes);
	return config_load(&config, "config.yaml", sections, &notes);
}

static size_t load(const char *text)
{
	return load_bytes(text, strlen(text), SECTION_ALL);
}

static const char *said(void)
{
	buf_byte(&notes, '\0');
	notes.length--;
	return (const char *)notes.data;
}

/* One line of notes and one mistake for this text. */
#define CHECK_MISTAKE(text, want)                                                                  \
	do {                                                                                       \
		CHECK_INT(load(text), 1);                                                          \
		CHECK_TEXT(said(), "config.yaml:" want "\n");                                      \
	} while (0)

#define CHECK_GOOD(text)                                                                           \
	do {                                                                                       \
		size_t mistakes = load(text);                                                      \
		CHECK_TEXT(said(), "");                                                            \
		CHECK_INT(mistakes, 0);                                                            \
	} while (0)

/* ---- values ---- */

TEST(an_empty_file_gives_the_defaults)
{
	CHECK_GOOD("# nothing\n");
	CHECK_TEXT(config.path, "config.yaml");
	CHECK_TEXT(config.directory, folder);
	CHECK_TEXT(config.name, strrchr(folder, '/') + 1);
	CHECK_INT(config.shutdown_timeout_ms, 30000);
	CHECK_INT(config.max_record_size, 16 << 20);
	CHECK_INT(config.max_restarts, 10);
	CHECK(!config.processor.present);
	CHECK(!config.source.present);
	CHECK(config.source.kind == NULL);
	CHECK(!config.sink.present);
	CHECK_TEXT(config.sink.kind, "discard");
	CHECK_INT(config_missing(&config, SECTION_ALL, &notes), 1);
	CHECK_TEXT(said(), "config.yaml: source is missing\n");
}

TEST(all_keys_are_read)
{
	CHECK_INT(load("name: orders\n"
		       "shutdownTimeout: 1500ms\n"
		       "maxRecordSize: 1MiB\n"
		       "maxRestarts: 0\n"
		       "processor:\n"
		       "  handlerPath: ./code/../handlers/\n"
		       "  moduleName: pkg.handler\n"
		       "  workers: 7\n"
		       "  ordering: key\n"
		       "  env:\n"
		       "  - {name: A, value: 1}\n"
		       "  - {value: '', name: B}\n"
		       "  retry: {attempts: 5, backoff: 50ms, maxBackoff: 2s}\n"
		       "  timeout: 90s\n"
		       "  onFailure: deadLetter\n"
		       "source:\n"
		       "  kind: kafka\n"
		       "  brokers: ['a:1', 'b', '[::1]:9', 'SASL_SSL://c:2,d:3']\n"
		       "  topics: one, two\n"
		       "  consumerGroup: my group\n"
		       "  offset: 2026-01-31T12:00:00+01:00\n"
		       "  groupInstanceId: me-1\n"
		       "  balanceStrategy: roundrobin\n"
		       "  rebalanceTimeout: 5\n"
		       "  fetchDefaultBytes: 2MiB\n"
		       "  window: 64KiB\n"
		       "  prefetch: 32MiB\n"
		       "  properties:\n"
		       "    fetch.min.bytes: 1\n"
		       "    client.id: \"a: b\"\n"
		       "sink:\n"
		       "  kind: kafka\n"
		       "  brokers: [x:9092]\n"
		       "  topic: out\n"
		       "  topics: [more, other]\n"
		       "  partition: 3\n"
		       "  properties: {linger.ms: 5}\n"
		       "deadLetter:\n"
		       "  kind: kafka\n"
		       "  brokers: y:9092, z\n"
		       "  topic: dead\n"
		       "  partitioner: murmur2\n"
		       "  properties: {linger.ms: 7}\n"),
		0);
	CHECK_TEXT(said(), "");
	CHECK_INT(config_missing(&config, SECTION_ALL, &notes), 0);
	CHECK_TEXT(config.name, "orders");
	CHECK_INT(config.shutdown_timeout_ms, 1500);
	CHECK_INT(config.max_record_size, 1 << 20);
	CHECK_INT(config.max_restarts, 0);
	CHECK(strncmp(config.processor.handler_path, folder, strlen(folder)) == 0);
	CHECK_TEXT(config.processor.handler_path + strlen(folder), "/code/../handlers/");
	CHECK_INT(config.processor.handler_path_place.line, 6);
	CHECK_INT(config.processor.handler_path_place.column, 16);
	CHECK_TEXT(config.processor.module_name, "pkg.handler");
	CHECK_INT(config.processor.workers, 7);
	CHECK_INT(config.processor.ordering, ORDERING_KEY);
	CHECK_INT(config.processor.env.count, 2);
	CHECK_TEXT(config.processor.env.items[0].value, "1");
	CHECK_TEXT(config.processor.env.items[1].name, "B");
	CHECK_TEXT(config.processor.env.items[1].value, "");
	CHECK_TEXT(config.source.brokers, "a:1,b,[::1]:9,SASL_SSL://c:2,d:3");
	CHECK_INT(config.source.topics.count, 2);
	CHECK_TEXT(config.source.topics.items[1], "two");
	CHECK_TEXT(config.source.consumer_group, "my group");
	CHECK_INT(config.source.offset.kind, OFFSET_TIME);
	CHECK_INT(config.source.offset.value, 1769857200000);
	CHECK_TEXT(config.source.group_instance_id, "me-1");
	CHECK_TEXT(config.source.balance_strategy, "roundrobin");
	CHECK_INT(config.source.rebalance_timeout_ms, 5000);
	CHECK_INT(config.source.fetch_bytes, 2 << 20);
	CHECK_INT(config.source.window, 64 << 10);
	CHECK_INT(config.source.prefetch, 32 << 20);
	CHECK_INT(config.source.properties.count, 2);
	CHECK_TEXT(config.source.properties.items[1].value, "a: b");
	CHECK_TEXT(config.sink.topic, "out");
	CHECK_INT(config.sink.topics.count, 2);
	CHECK_TEXT(config.sink.partitioner, "manual");
	CHECK_INT(config.sink.partition, 3);
	CHECK_INT(config.processor.retry_attempts, 5);
	CHECK_INT(config.processor.retry_backoff_ms, 50);
	CHECK_INT(config.processor.retry_max_backoff_ms, 2000);
	CHECK_INT(config.processor.timeout_ms, 90000);
	CHECK_INT(config.processor.on_failure, FAILURE_DEAD_LETTER);
	CHECK(config.dead_letter.present);
	CHECK_TEXT(config.dead_letter.kind, "kafka");
	CHECK_TEXT(config.dead_letter.brokers, "y:9092,z");
	CHECK_TEXT(config.dead_letter.topic, "dead");
	CHECK_TEXT(config.dead_letter.partitioner, "murmur2_random");
	CHECK_INT(config.dead_letter.partition, -1);
	CHECK_TEXT(config.dead_letter.properties.items[0].value, "7");
	CHECK_TEXT(config.sink.properties.items[0].value, "5");
}

TEST(a_directory_means_its_config_yaml)
{
	enter_folder();
	CHECK(mkdir("sub", 0700) == 0);
	write_file("sub/config.yaml", "processor: {}\n", 14);
	for (const char *const *path =
			(const char *const[]){"sub", "sub/", "./sub/config.yaml", NULL};
		*path != NULL; path++) {
		config_init(&config);
		CHECK_INT(config_load(&config, *path, SECTION_ALL, &notes), 0);
		CHECK_TEXT(config.name, "sub");
		CHECK(strncmp(config.directory, folder, strlen(folder)) == 0);
		CHECK_TEXT(config.directory + strlen(folder), "/sub");
		CHECK_TEXT(config.processor.handler_path, config.directory);
		CHECK_TEXT(strrchr(config.path, 's'), "sub/config.yaml");
		config_release(&config);
	}
}

TEST(a_file_that_is_not_there)
{
	enter_folder();
	config_init(&config);
	CHECK_INT(config_load(&config, "nowhere/x.yaml", SECTION_ALL, &notes), 1);
	CHECK_TEXT(said(), "nowhere/x.yaml: cannot read it: No such file or directory\n");
	CHECK_INT(config_missing(&config, SECTION_ALL, &notes), 0);
}

TEST(workers_auto_are_the_processors_available)
{
	cpu_set_t set;

	CHECK(sched_getaffinity(0, sizeof set, &set) == 0);
	CHECK_GOOD("processor: {workers: auto}\n");
	CHECK_INT(config.processor.workers, processors_available()); /* a quota may leave less */
	CHECK(config.processor.workers <= (unsigned)CPU_COUNT(&set));
	for (int cpu = CPU_SETSIZE - 1; CPU_COUNT(&set) > 1; cpu--)
		CPU_CLR((size_t)cpu, &set);
	CHECK(sched_setaffinity(0, sizeof set, &set) == 0);
	CHECK_GOOD("processor: {workers: auto}\n");
	CHECK_INT(config.processor.workers, 1);
}

TEST(offsets)
{
	struct start_offset offset;

	CHECK(config_offset("latest", &offset) && offset.kind == OFFSET_LATEST);
	CHECK(config_offset("earliest", &offset) && offset.kind == OFFSET_EARLIEST);
	CHECK(config_offset("0", &offset) && offset.kind == OFFSET_NUMBER && offset.value == 0);
	CHECK(config_offset("123456789012", &offset) && offset.value == 123456789012);
	CHECK(config_offset("@17", &offset) && offset.kind == OFFSET_TIME && offset.value == 17);
	CHECK(config_offset("1970-01-02", &offset) && offset.value == 86400000);
	CHECK(!config_offset("", &offset));
	CHECK(!config_offset("-1", &offset));
	CHECK(!config_offset("Latest", &offset));
	CHECK(!config_offset("2026-13-01", &offset));
}

TEST(flags_replace_what_the_file_says)
{
	struct settings *settings = &config.source.properties;
	struct texts *texts = &config.source.topics;

	config_init(&config);
	config_texts(texts, "a, b,,c ");
	CHECK_INT(texts->count, 3);
	CHECK_TEXT(texts->items[1], "b");
	CHECK_TEXT(texts->items[2], "c");
	config_texts(texts, "d");
	CHECK_INT(texts->count, 1);
	CHECK_TEXT(texts->items[0], "d");
	CHECK(config_setting(settings, "a=1"));
	CHECK(config_setting(settings, "b=x=y"));
	CHECK(config_setting(settings, "a="));
	CHECK(!config_setting(settings, "a"));
	CHECK(!config_setting(settings, "=a"));
	CHECK_INT(settings->count, 2);
	CHECK_TEXT(settings->items[0].value, "");
	CHECK_TEXT(settings->items[1].value, "x=y");
	CHECK_TEXT(config_partitioner("hash"), "fnv1a_random");
	CHECK_TEXT(config_partitioner("murmur2"), "murmur2_random");
	CHECK_TEXT(config_partitioner("fnv1a_random"), NULL);
	config_release(&config);
}

/* ---- keys that bear on one another ---- */

TEST(fire_and_forget_is_ordering_none)
{
	CHECK_GOOD("processor: {}\n" KAFKA_SOURCE ", fireAndForget: true}\n");
	CHECK_INT(config.processor.ordering, ORDERING_NONE);
	CHECK_GOOD("processor: {ordering: none}\n" KAFKA_SOURCE ", fireAndForget: True}\n");
	CHECK_INT(config.processor.ordering, ORDERING_NONE);
	CHECK_GOOD("processor: {ordering: none}\n" KAFKA_SOURCE ", fireAndForget: false}\n");
	CHECK_INT(config.processor.ordering, ORDERING_NONE);
	CHECK_GOOD("processor: {ordering: key}\n" KAFKA_SOURCE ", fireAndForget: false}\n");
	CHECK_INT(config.processor.ordering, ORDERING_KEY);
	CHECK_MISTAKE("processor: {ordering: key}\n" KAFKA_SOURCE ", fireAndForget: true}\n",
		"2:81: source.fireAndForget: true means 'processor.ordering: none', but that is "
		"'key' "
		"(at 1:23)");
}

TEST(sticky_is_taken_as_roundrobin)
{
	CHECK_INT(load(KAFKA_SOURCE ", balanceStrategy: sticky}\n"), 0);
	CHECK_TEXT(said(), "config.yaml:1:83: warning: source.balanceStrategy: sticky is taken as "
			   "roundrobin\n");
	CHECK_TEXT(config.source.balance_strategy, "roundrobin");
}

TEST(partition_and_partitioner)
{
	CHECK_GOOD("sink: {kind: kafka, partition: 0}\n");
	CHECK_TEXT(config.sink.partitioner, "manual");
	CHECK_INT(config.sink.partition, 0);
	CHECK_INT(load("sink: {kind: kafka, partition: 42, partitioner: random}\n"), 0);
	CHECK_TEXT(said(), "config.yaml:1:32: warning: sink.partition has no effect with "
			   "'partitioner: random' (at 1:49)\n");
	CHECK_TEXT(config.sink.partitioner, "random");
	CHECK_INT(config.sink.partition, -1);
	CHECK_GOOD("sink: {kind: kafka, partitioner: manual, brokers: b, topic: t}\n");
	CHECK_INT(config_missing(&config, SECTION_SINK, &notes), 1);
	CHECK_TEXT(said(),
		"config.yaml:1:1: sink.partition (for the manual partitioner) is missing\n");
}

TEST(each_sink_has_its_own_partition)
{
	CHECK_GOOD("processor: {onFailure: deadLetter}\n"
		   "sink: {kind: kafka, partitioner: random}\n"
		   "deadLetter: {kind: kafka, partition: 2}\n");
	CHECK_TEXT(config.sink.partitioner, "random");
	CHECK_INT(config.sink.partition, -1);
	CHECK_TEXT(config.dead_letter.partitioner, "manual");
	CHECK_INT(config.dead_letter.partition, 2);
	CHECK_INT(load("processor: {onFailure: deadLetter}\n"
		       "sink: {kind: kafka, partition: 1}\n"
		       "deadLetter: {kind: kafka, partition: 2, partitioner: hash}\n"),
		0);
	CHECK_TEXT(said(), "config.yaml:3:38: warning: deadLetter.partition has no effect with "
			   "'partitioner: hash' (at 3:54)\n");
	CHECK_INT(config.sink.partition, 1);
	CHECK_INT(config.dead_letter.partition, -1);
}

TEST(retries)
{
	CHECK_GOOD("processor: {retry: }\n");
	CHECK_INT(config.processor.retry_attempts, 3);
	CHECK_INT(config.processor.retry_backoff_ms, 200);
	CHECK_INT(config.processor.retry_max_backoff_ms, 10000);
	CHECK_INT(config.processor.timeout_ms, 0);
	CHECK_INT(config.processor.on_failure, FAILURE_STOP);
	CHECK_GOOD("processor: {retry: {attempts: 1000, backoff: 0, maxBackoff: 0}}\n");
	CHECK_INT(config.processor.retry_backoff_ms, 0);
	/* The default gives way to what is given. */
	CHECK_GOOD("processor: {retry: {maxBackoff: 100ms}}\n");
	CHECK_INT(config.processor.retry_backoff_ms, 100);
	CHECK_MISTAKE("processor: {retry: {backoff: 11s}}\n",
		"1:30: processor.retry.backoff: 11s is longer than maxBackoff, 10s");
	CHECK_MISTAKE("processor: {retry: {attempts: 0}}\n",
		"1:31: processor.retry.attempts: expected a number from 1 to 1000, found '0'");
	CHECK_MISTAKE("processor: {retry: {attempts: 1001}}\n",
		"1:31: processor.retry.attempts: expected a number from 1 to 1000, found '1001'");
	CHECK_MISTAKE("processor: {retry: 3}\n",
		"1:20: processor.retry: expected a map of keys, found '3'");
	CHECK_MISTAKE("processor: {timeout: 0s}\n",
		"1:22: processor.timeout: expected a duration from 1ms to 24h, found '0s'");
}

TEST(on_failure_and_dead_letter_go_together)
{
	static const char alone[] = "processor:\ndeadLetter: {kind: lines}\n";

	CHECK_GOOD("processor: {onFailure: skip}\n");
	CHECK_INT(config.processor.on_failure, FAILURE_SKIP);
	CHECK_GOOD("processor: {onFailure: deadLetter}\ndeadLetter: {kind: lines}\n");
	CHECK_MISTAKE("processor: {onFailure: deadLetter}\n",
		"1:24: processor.onFailure: 'deadLetter' needs a section 'deadLetter' at the top "
		"level");
	CHECK_INT(load(alone), 0);
	CHECK_TEXT(said(), "config.yaml:2:13: warning: deadLetter has no effect without "
			   "'processor.onFailure: deadLetter'\n");
	CHECK_INT(load_bytes(alone, strlen(alone), SECTION_PROCESSOR), 0);
	CHECK_TEXT(said(), "");
	CHECK(!config.dead_letter.present);
	/* What is wrong is not complained of twice. */
	CHECK_MISTAKE("processor: {onFailure: dead}\ndeadLetter: {kind: lines}\n",
		"1:24: processor.onFailure: expected stop, skip or deadLetter, found 'dead'");
	CHECK_MISTAKE("processor: {onFailure: deadLetter}\ndeadLetter: lines\n",
		"2:13: deadLetter: expected a map of keys, found 'lines'");
	CHECK_GOOD("processor: {onFailure: deadLetter}\ndeadLetter:\n");
	CHECK_INT(config_missing(&config, SECTION_SINK, &notes), 1);
	CHECK_TEXT(said(), "config.yaml:2:1: deadLetter.kind is missing\n");
	CHECK_GOOD("processor: {onFailure: deadLetter}\n"
		   "deadLetter: {kind: kafka, partitioner: manual}\n");
	CHECK_INT(config_missing(&config, SECTION_PROCESSOR, &notes), 0);
	CHECK_INT(config_missing(&config, SECTION_SINK, &notes), 3);
	CHECK_TEXT(said(), "config.yaml:2:1: deadLetter.brokers is missing\n"
			   "config.yaml:2:1: deadLetter.topic is missing\n"
			   "config.yaml:2:1: deadLetter.partition (for the manual partitioner) is "
			   "missing\n");
	CHECK_INT(load("processor: {onFailure: deadLetter}\n"
		       "deadLetter: {kind: kafka, partition: x, brokers: [], topic: a b}\n"),
		3);
	CHECK_INT(config_missing(&config, SECTION_ALL & ~(unsigned)SECTION_SOURCE, &notes), 0);
}

TEST(a_handler_that_is_not_used)
{
	enter_folder();
	write_file("handler.py", "", 0);
	CHECK_INT(load("sink: {kind: lines}\n"), 0);
	CHECK_TEXT(said(), "config.yaml: warning: without 'processor' records are copied; "
			   "handler.py beside it is not used\n");
	CHECK_GOOD("processor:\n");
	CHECK(config.processor.present);
	CHECK_TEXT(config.processor.handler_path, folder);
	CHECK_INT(load_bytes("sink: {kind: lines}\n", 20, SECTION_SINK), 0);
	CHECK_TEXT(said(), "");
}

TEST(what_is_missing)
{
	CHECK_GOOD("source: {kind: kafka}\nsink: {kind: kafka}\n");
	CHECK_INT(config_missing(&config, SECTION_ALL, &notes), 5);
	CHECK_TEXT(said(), "config.yaml:1:1: source.brokers is missing\n"
			   "config.yaml:1:1: source.topics is missing\n"
			   "config.yaml:1:1: source.consumerGroup is missing\n"
			   "config.yaml:2:1: sink.brokers is missing\n"
			   "config.yaml:2:1: sink.topic is missing\n");
	buf_reset(&notes);
	CHECK_INT(config_missing(&config, SECTION_SINK, &notes), 2);
	CHECK_GOOD("source:\nsink:\n");
	CHECK_INT(config_missing(&config, SECTION_ALL, &notes), 2);
	CHECK_TEXT(said(), "config.yaml:1:1: source.kind is missing\n"
			   "config.yaml:2:1: sink.kind is missing\n");
	/* Flags may give it. */
	config_replace(&config.source.kind, "lines");
	config_replace(&config.sink.kind, "lines");
	CHECK_INT(config_missing(&config, SECTION_ALL, &notes), 0);
}

TEST(what_is_wrong_is_not_missing_too)
{
	CHECK_INT(load("source: {kind: kafka, brokers: [], topics: [a b], consumerGroup: ''}\n"
		       "sink: {kind: kafak}\n"),
		4);
	CHECK_INT(config_missing(&config, SECTION_ALL, &notes), 0);
	CHECK_INT(load("source: 5\nsink: []\n"), 2);
	CHECK_INT(config_missing(&config, SECTION_ALL, &notes), 0);
}

/* ---- the file's form ---- */

TEST(all_mistakes_in_the_order_of_the_file)
{
	CHECK_INT(load("sink: {kind: kafka, partition: x}\n"
		       "processor:\n"
		       "  workers: 0\n"
		       "  wrokers: 1\n"
		       "source:\n"
		       "  kind: kafka\n"
		       "  topcis: [a]\n"
		       "  offset: ${NO_SUCH_THING_HERE}\n"
		       "  kind: lines\n"),
		6);
	CHECK_TEXT(said(),
		"config.yaml:1:32: sink.partition: expected a number from 0 to 2147483647, found "
		"'x'\n"
		"config.yaml:3:12: processor.workers: expected a number from 1 to 256 or auto, "
		"found "
		"'0'\n"
		"config.yaml:4:3: unknown key 'wrokers' in processor (did you mean 'workers'?)\n"
		"config.yaml:7:3: unknown key 'topcis' in source (did you mean 'topics'?)\n"
		"config.yaml:8:11: variable 'NO_SUCH_THING_HERE' is not set\n"
		"config.yaml:9:3: duplicate key 'kind' (the first one is at 6:3)\n");
}

TEST(columns_count_characters)
{
	CHECK_MISTAKE("name: {\"äöü\": 1, 'x': 2}\n", "1:7: name: expected a text, found a map");
	CHECK_MISTAKE("source: {kind: lines, \"äöü\": 1}\n", "1:23: unknown key 'äöü' in source");
	CHECK_MISTAKE("{name: \"äöü\", x: 1}\n", "1:15: unknown key 'x'");
}

TEST(yaml_that_is_refused)
{
	CHECK_MISTAKE("name: *a\n", "1:7: aliases ('*a') are not supported");
	CHECK_MISTAKE("name: &a x\n", "1:7: anchors ('&a') are not supported");
	CHECK_MISTAKE("name: !!str x\n", "1:7: tags ('tag:yaml.org,2002:str') are not supported");
	CHECK_MISTAKE("sink: {<<: {kind: lines}, kind: lines}\n",
		"1:8: merge keys ('<<') are not supported");
	CHECK_MISTAKE("? [a]\n: b\n", "1:3: expected a key, found a list");
	CHECK_MISTAKE("--- {name: a}\n--- {name: b}\n",
		"2:1: a second document: a configuration is one document");
	CHECK_MISTAKE("- a\n", "1:1: expected keys such as 'source:', found a list");
	CHECK_MISTAKE("name\n", "1:1: expected keys such as 'source:', found a text");
	CHECK_MISTAKE("name: \"a\\0b\"\n", "1:7: a text cannot hold a NUL byte");
	CHECK_GOOD("%YAML 1.1\n---\nname: a\n...\n");
}

TEST(syntax_errors)
{
	CHECK_MISTAKE(
		"source:\n\tkind: kafka\n", "2:1: syntax error: a tab cannot indent, use spaces");
	CHECK_MISTAKE(
		"name: @a\n", "1:7: syntax error: a text that begins with '@' must be quoted");
	CHECK_MISTAKE("name: a: b\n", "1:8: syntax error: no ':' is expected here (a text with ': "
				      "' in it must be quoted; "
				      "keys of one map stand in one column)");
	CHECK_MISTAKE("source:\n  topics: [a, b\nsink: {}\n",
		"3:5: syntax error: did not find expected ',' or ']' while parsing a flow sequence "
		"(begun at 2:11)");
	CHECK_MISTAKE("name: \"a\n",
		"2:1: syntax error: found unexpected end of stream while scanning a quoted scalar "
		"(begun at 1:7)");
	CHECK_MISTAKE("source: {kind: ${KIND}}\n",
		"1:17: syntax error: '${' inside {} or [] must be quoted");
	CHECK_INT(load_bytes("name: a\nx: \xff\n", 13, SECTION_ALL), 1);
	CHECK_TEXT(said(), "config.yaml:2:4: not a text in UTF-8: invalid leading UTF-8 octet\n");
	/* Nothing can be said of the rest. */
	CHECK_INT(config_missing(&config, SECTION_ALL, &notes), 0);
}

TEST(control_characters_do_not_reach_the_terminal)
{
	CHECK_MISTAKE("\"a\\e[31mb\\x9bc\": 1\n", "1:1: unknown key 'a\\x1b[31mb\\xc2\\x9bc'");
	CHECK_MISTAKE("name: \"a\\nb\"\n",
		"1:7: name: expected a text, found a text with a line break or control character");
}

TEST(bounds)
{
	enum { SIZE = (1 << 20) + 1 };
	char *text = mem_alloc(SIZE);

	memset(text, '#', SIZE - 1);
	CHECK_INT(load_bytes(text, SIZE - 1, SECTION_ALL), 0);
	memset(text, '#', SIZE);
	CHECK_INT(load_bytes(text, SIZE, SECTION_ALL), 1);
	CHECK_TEXT(said(), "config.yaml: larger than 1 MiB\n");
	memset(text, '[', SIZE - 1);
	CHECK_INT(load_bytes(text, SIZE - 1, SECTION_ALL), 1);
	CHECK_TEXT(said(), "config.yaml:1:33: nested more than 32 levels deep\n");
	for (int i = 0; i < SIZE - 1; i += 2)
		memcpy(text + i, "- ", 2);
	CHECK_INT(load_bytes(text, SIZE - 1, SECTION_ALL), 1);
	for (int i = 0; i + 4 < SIZE; i += 4)
		memcpy(text + i, "- a\n", 4);
	CHECK_INT(load_bytes(text, SIZE - 1, SECTION_ALL), 1);
	CHECK_TEXT(said(), "config.yaml:19999:3: more than 20000 values\n");
	free(text);
}

/* ---- substitution ---- */

TEST(substitution)
{
	enter_folder();
	write_file("secret", "hunter2\n\n", 9);
	CHECK(setenv("BRUCO_TEST_A", "x: [1, #y", 1) == 0);
	CHECK(setenv("BRUCO_TEST_EMPTY", "", 1) == 0);
	CHECK(setenv("BRUCO_TEST_NULL", "null", 1) == 0);
	CHECK_GOOD("processor:\n"
		   "  env:\n"
		   "  - {name: A, value: '<${BRUCO_TEST_A}>'}\n"
		   "  - {name: B, value: '${BRUCO_TEST_NO:-other}${BRUCO_TEST_EMPTY:-}'}\n"
		   "  - {name: C, value: '${BRUCO_TEST_EMPTY:-text}'}\n"
		   "  - {name: D, value: '${BRUCO_TEST_EMPTY}'}\n"
		   "  - {name: E, value: '${file:secret}'}\n"
		   "  - {name: F, value: 'a$b $$ $${X} $'}\n"
		   "  - {name: G, value: \"${BRUCO_TEST_NULL}\"}\n"
		   "  - name: H\n"
		   "    value: ${BRUCO_TEST_NULL}\n");
	CHECK_TEXT(config.processor.env.items[0].value, "<x: [1, #y>");
	CHECK_TEXT(config.processor.env.items[1].value, "other");
	CHECK_TEXT(config.processor.env.items[2].value, "text");
	CHECK_TEXT(config.processor.env.items[3].value, "");
	CHECK_TEXT(config.processor.env.items[4].value, "hunter2\n");
	CHECK_TEXT(config.processor.env.items[5].value, "a$b $ ${X} $");
	CHECK_TEXT(config.processor.env.items[6].value, "null");
	CHECK_TEXT(config.processor.env.items[7].value, "null");
	CHECK_INT(config.secret_variables.count, 0);
}

TEST(substitution_that_fails)
{
	enter_folder();
	write_file("secret", "\xff", 1);
	CHECK(setenv("BRUCO_TEST_PASSWORD", "\xff", 1) == 0);
	CHECK_MISTAKE("name: ${BRUCO_TEST_PASWORD}\n",
		"1:7: variable 'BRUCO_TEST_PASWORD' is not set (did you mean "
		"'BRUCO_TEST_PASSWORD'?)");
	CHECK_MISTAKE("name: ${BRUCO_TEST_PASSWORD}\n",
		"1:7: 'BRUCO_TEST_PASSWORD' is not a text in UTF-8");
	CHECK_MISTAKE("name: ${file:secret}\n", "1:7: 'secret' is not a text in UTF-8");
	CHECK_MISTAKE("name: ${file:/no/such/file}\n",
		"1:7: cannot read file '/no/such/file': No such file or directory");
	CHECK_MISTAKE(
		"name: ${UNCLOSED\n", "1:7: '${' without its '}' (write $$ for a '$' itself)");
	CHECK_MISTAKE("name: ${1A}\n",
		"1:7: cannot substitute '${1A}': expected ${NAME}, ${NAME:-text} or ${file:PATH} "
		"(write $$ for a '$' itself)");
	CHECK_INT(load("name: ${}${A-b}${A:?b}${file:}${A:-${B}}\n"), 5);
}

TEST(variables_of_source_and_sink_are_secret)
{
	CHECK(setenv("BRUCO_TEST_A", "a", 1) == 0);
	CHECK_GOOD("name: ${BRUCO_TEST_NAME:-n}\n"
		   "processor: {onFailure: deadLetter, env: [{name: A, value: "
		   "'${BRUCO_TEST_B:-b}'}]}\n" KAFKA_SOURCE
		   ", properties: {sasl.password: '${BRUCO_TEST_A}${BRUCO_TEST_C:-}'}}\n"
		   "sink: {kind: kafka, topic: '${BRUCO_TEST_A}', properties: {x: "
		   "'${BRUCO_TEST_D:-}'}}\n"
		   "deadLetter: {kind: kafka, topic: '${BRUCO_TEST_E:-e}'}\n");
	CHECK_INT(config.secret_variables.count, 4);
	CHECK_TEXT(config.secret_variables.items[3], "BRUCO_TEST_E");
	CHECK_TEXT(config.secret_variables.items[0], "BRUCO_TEST_A");
	CHECK_TEXT(config.secret_variables.items[1], "BRUCO_TEST_C");
	CHECK_TEXT(config.secret_variables.items[2], "BRUCO_TEST_D");
}

TEST(other_sections_are_neither_resolved_nor_kept)
{
	static const char text[] =
		"processor: {workers: '${NO_SUCH_THING_HERE}'}\n"
		"source: {kind: '${NO_SUCH_THING_HERE}', topics: [a, '${NO_SUCH_THING_HERE}'],\n"
		"  properties: {a: '${file:/no/such/file}', group.id: x}, balanceStrategy: "
		"sticky}\n"
		"sink: {kind: kafka, topic: t}\n";

	CHECK_INT(load_bytes(text, strlen(text), SECTION_SINK), 1);
	CHECK_TEXT(said(),
		"config.yaml:3:44: source.properties: 'group.id' cannot be set here: use "
		"'consumerGroup'\n");
	CHECK(!config.source.present);
	CHECK(config.source.kind == NULL);
	CHECK_INT(config.source.topics.count, 0);
	CHECK(!config.processor.present);
	CHECK_TEXT(config.sink.topic, "t");
	CHECK_INT(config.secret_variables.count, 1);
	CHECK_INT(config_missing(&config, SECTION_SINK, &notes), 1);
}

TEST(source_and_sink_go_by_the_processor_but_never_see_its_environment)
{
	static const char text[] = "processor:\n  onFailure: skip\n  ordering: key\n"
				   "  env: [{name: A, value: '${NO_SUCH_THING_HERE}'}]\n"
				   "source: {kind: lines}\n";
	struct buf out = {0};

	CHECK_INT(load_bytes(text, strlen(text), SECTION_SOURCE | SECTION_POLICY), 0);
	CHECK_INT(config.processor.on_failure, FAILURE_SKIP);
	CHECK_INT(config.processor.ordering, ORDERING_KEY);
	CHECK_INT(config.processor.env.count, 0);
	config.processor.env.items = (struct setting[]){{.name = "A", .value = "secret"}};
	config.processor.env.count = 1;
	config_dump(&config, SECTION_SINK | SECTION_POLICY, false, &out);
	buf_byte(&out, '\0');
	CHECK(strstr((char *)out.data, "onFailure") != NULL);
	CHECK(strstr((char *)out.data, "secret") == NULL);
	config.processor.env = (struct settings){0};
	buf_release(&out);
}

/* ---- documents ---- */

static struct buf document_of(const struct config *from, unsigned sections, bool masked)
{
	struct buf out = {0};

	config_dump(from, sections, masked, &out);
	buf_byte(&out, '\0');
	out.length--;
	return out;
}

/* What is written for these sections is read back, and written the same again. */
static void check_document(unsigned sections)
{
	struct buf first = document_of(&config, sections, false), second;
	int fd = fd_memory("document", first.data, first.length);
	struct config again;
	struct buf complaints = {0};
	size_t mistakes;

	config_init(&again);
	mistakes = config_load_fd(&again, fd, sections, &complaints);
	buf_byte(&complaints, '\0');
	CHECK_TEXT((const char *)complaints.data, "");
	CHECK_INT(mistakes, 0);
	second = document_of(&again, sections, false);
	CHECK_TEXT((const char *)second.data, (const char *)first.data);
	CHECK_TEXT(again.name, config.name);
	if (sections & SECTION_PROCESSOR) {
		CHECK_INT(again.processor.present, config.processor.present);
		CHECK_INT(again.processor.env.count, config.processor.env.count);
		for (size_t i = 0; i < again.processor.env.count; i++)
			CHECK_TEXT(again.processor.env.items[i].value,
				config.processor.env.items[i].value);
		CHECK_INT(again.processor.retry_attempts, config.processor.retry_attempts);
		CHECK_INT(again.processor.retry_backoff_ms, config.processor.retry_backoff_ms);
		CHECK_INT(again.processor.retry_max_backoff_ms,
			config.processor.retry_max_backoff_ms);
		CHECK_INT(again.processor.timeout_ms, config.processor.timeout_ms);
		CHECK_INT(again.processor.on_failure, config.processor.on_failure);
	}
	CHECK_INT(
		again.dead_letter.present, (sections & SECTION_SINK) && config.dead_letter.present);
	if (again.dead_letter.present) {
		CHECK_TEXT(again.dead_letter.topic, config.dead_letter.topic);
		CHECK_TEXT(again.sink.topic, config.sink.topic);
		CHECK_INT(again.sink.partition, config.sink.partition);
		CHECK_INT(again.dead_letter.partition, config.dead_letter.partition);
	}
	if (sections & SECTION_SOURCE) {
		CHECK_TEXT(again.source.brokers, config.source.brokers);
		CHECK_INT(again.source.offset.kind, config.source.offset.kind);
		CHECK_INT(again.source.offset.value, config.source.offset.value);
	} else {
		CHECK(again.source.kind == NULL);
	}
	config_release(&again);
	buf_release(&first);
	buf_release(&second);
	buf_release(&complaints);
	close(fd);
}

TEST(documents_are_read_back)
{
	CHECK_GOOD("name: '${BRUCO_TEST_NO:-null}'\n"
		   "processor:\n"
		   "  workers: 3\n"
		   "  env:\n"
		   "  - {name: A, value: 'a $ $$ $${HOME} \"q\" \\ '}\n"
		   "  - {name: B, value: "
		   "\"\\t\\n\\r\\x01\\x7f\\x85\\u2028\\ufeff\\uffff\\U0001f600ä\"}\n"
		   "  - {name: C, value: ''}\n"
		   "  - {name: D, value: '~'}\n"
		   "  - {name: E, value: '- a: #b'}\n"
		   "  - {name: F, value: ...}\n"
		   "  - {name: G, value: 'a:'}\n"
		   "  - {name: H, value: '1:2'}\n"
		   "  retry: {attempts: 1, maxBackoff: 100ms}\n"
		   "  timeout: 1500ms\n"
		   "  onFailure: deadLetter\n" KAFKA_SOURCE
		   ", offset: 2026-01-31 12:00:00.5, rebalanceTimeout: 1001ms, window: 4097,\n"
		   "  properties: {sasl.password: 'a$$b'}}\n"
		   "sink: {kind: kafka, brokers: 'x,y', topic: t, topics: [u], partition: 3}\n"
		   "deadLetter: {kind: kafka, brokers: z, topic: d, properties: {a: b}}\n");
	for (unsigned sections = 0; sections <= SECTION_ALL; sections++)
		check_document(sections);
	config.source.offset = (struct start_offset){OFFSET_NUMBER, 5}; /* from a flag */
	check_document(SECTION_SOURCE);
	config.source.offset = (struct start_offset){OFFSET_TIME, 253402300800000};
	check_document(SECTION_SOURCE);
	CHECK_GOOD("source: {kind: lines}\n");
	check_document(SECTION_ALL);
}

TEST(a_stage_sees_its_own_section_only)
{
	struct buf out;

	CHECK_GOOD(KAFKA_SOURCE ", properties: {sasl.password: one}}\n"
				"sink: {kind: kafka, properties: {sasl.password: two}}\n"
				"processor: {onFailure: deadLetter}\n"
				"deadLetter: {kind: kafka, properties: {sasl.password: three}}\n");
	out = document_of(&config, SECTION_SINK, false);
	CHECK(strstr((const char *)out.data, "three") != NULL);
	CHECK(strstr((const char *)out.data, "password: one") == NULL);
	buf_release(&out);
	out = document_of(&config, SECTION_SOURCE, false);
	CHECK(strstr((const char *)out.data, "three") == NULL);
	CHECK(strstr((const char *)out.data, "one") != NULL);
	CHECK(strstr((const char *)out.data, "two") == NULL);
	buf_release(&out);
	out = document_of(&config, SECTION_PROCESSOR, false);
	CHECK(strstr((const char *)out.data, "password") == NULL);
	buf_release(&out);
}

TEST(secrets_are_masked)
{
	struct buf out;
	const char *text;

	CHECK_GOOD("processor:\n"
		   "  env:\n"
		   "  - {name: API_KEY, value: hidden}\n"
		   "  - {name: DB_PASSWD, value: hidden}\n"
		   "  - {name: github_token, value: hidden}\n"
		   "  - {name: DATABASE_URL, value: 'postgres://me:hidden@host/db'}\n"
		   "  - {name: HOME_URL, value: 'http://host/visible@1'}\n"
		   "  - {name: KEYS, value: visible-2$$}\n" KAFKA_SOURCE
		   ", properties: {sasl.password: hidden, ssl.key.pem: hidden, sasl.username: "
		   "visible-3,\n"
		   "  sasl.oauthbearer.config: hidden, ssl.keystore.password: hidden,\n"
		   "  sasl.oauthbearer.client.secret: hidden, ssl.key.location: visible-4}}\n");
	out = document_of(&config, SECTION_ALL, true);
	text = (const char *)out.data;
	CHECK(strstr(text, "hidden") == NULL);
	CHECK(strstr(text, "visible@1") != NULL);
	CHECK(strstr(text, "\"visible-2$$\"") != NULL);
	CHECK(strstr(text, "visible-3") != NULL);
	CHECK(strstr(text, "visible-4") != NULL);
	CHECK(strstr(text, "sasl.password: \"***\"") != NULL);
	/* What is printed is a configuration that says the same. */
	CHECK_GOOD(text);
	CHECK_TEXT(config.processor.env.items[5].value, "visible-2$");
	buf_release(&out);
}

TEST(times_of_a_group_that_contradict_one_another)
{
	CHECK_GOOD(KAFKA_SOURCE ", properties: {heartbeat.interval.ms: 9999}}\n");
	CHECK_MISTAKE(KAFKA_SOURCE ", properties: {heartbeat.interval.ms: 10000}}\n",
		"1:79: source.properties: 'session.timeout.ms' (10000 ms) must be longer than "
		"'heartbeat.interval.ms' (10000 ms): the group would give a member up between two "
		"heartbeats");
	CHECK_GOOD(
		KAFKA_SOURCE ", groupInstanceId: i, properties: {heartbeat.interval.ms: 10000}}\n");
	CHECK_MISTAKE(KAFKA_SOURCE ", properties: {session.timeout.ms: 500}}\n",
		"1:79: source.properties: 'session.timeout.ms' (500 ms) must be longer than "
		"'heartbeat.interval.ms' (500 ms): the group would give a member up between two "
		"heartbeats");
	CHECK_GOOD(KAFKA_SOURCE ", properties: {session.timeout.ms: 300000}}\n");
	CHECK_MISTAKE(KAFKA_SOURCE ", properties: {session.timeout.ms: 300001}}\n",
		"1:79: source.properties: 'max.poll.interval.ms' (300000 ms) must not be shorter "
		"than 'session.timeout.ms' (300001 ms): librdkafka takes no other");
	CHECK_GOOD(KAFKA_SOURCE ", properties: {max.poll.interval.ms: 60001}}\n");
	CHECK_MISTAKE(KAFKA_SOURCE ", properties: {max.poll.interval.ms: 60000}}\n",
		"1:79: source.properties: 'max.poll.interval.ms' (60000 ms) must be longer than "
		"'source.rebalanceTimeout' (60000 ms): the group would give a member up that waits "
		"for its records under way");
	CHECK_GOOD(KAFKA_SOURCE
		", rebalanceTimeout: 30s, properties: {max.poll.interval.ms: 60000}}\n");
	CHECK_GOOD(KAFKA_SOURCE ", properties: {session.timeout.ms: long}}\n");
}

TEST(properties_that_bruco_sets_itself)
{
	CHECK_TEXT(config_property_refused("group.id"), "use 'consumerGroup'");
	CHECK(config_property_refused("acks") != NULL);
	CHECK(config_property_refused("enable.auto.commit") != NULL);
	CHECK(config_property_refused("plugin.library.paths") != NULL);
	CHECK(config_property_refused("rebalance_cb") != NULL);
	CHECK(config_property_refused("_cb") == NULL);
	CHECK(config_property_refused("message.timeout.ms") == NULL);
	CHECK(config_property_refused("ssl.ca.location") == NULL);
	CHECK(config_property_refused("queued.min.messages") == NULL);
}

/* ---- anything at all ---- */

/* Files made from a good one by changing, doubling and cutting bytes: nothing crashes (the
 * sanitizer builds look closer), and what is taken is read back from its document. */
TEST(mutated_files)
{
	static const char seed[] =
		"name: a\nshutdownTimeout: 30s\nprocessor:\n  workers: 2\n  env:\n    - name: A\n"
		"      value: \"b\\n${HOME:-x} $$\"\nsource: {kind: kafka, brokers: [a:1, b], "
		"topics: [t],\n"
		"  consumerGroup: g, offset: 2026-01-31, window: 4MiB, properties: {client.id: "
		"'q'}}\n"
		"sink:\n  kind: kafka # why\n  brokers: x:1,y:2\n  topic: out\n  partition: 1\n";
	static const char alphabet[] = "\n\n  :-[]{},'\"$&*!#?|>%@~\\\t0a\xc3\xa4\xff";
	unsigned state = 1;
	size_t taken = 0;

	for (int round = 0; round < 4000; round++) {
		char text[2 * sizeof seed];
		size_t length = strlen(seed);

		memcpy(text, seed, length);
		for (int change = 0; change <= round % 4; change++) {
			size_t at, many;

			state = state * 1103515245U + 12345U;
			at = (state >> 8) % length;
			many = (state >> 20) % 8;
			if (state % 3 == 0) {
				text[at] = alphabet[(state >> 16) % (sizeof alphabet - 1)];
			} else if (state % 3 == 1 && at + many < length) {
				memmove(text + at, text + at + many, length - at - many);
				length -= many;
			} else if (at + many < length && length + many < sizeof text) {
				memmove(text + at + many, text + at, length - at);
				length += many;
			}
		}
		if (load_bytes(text, length, SECTION_ALL) == 0 &&
			config_missing(&config, SECTION_ALL, &notes) == 0) {
			check_document(SECTION_ALL);
			taken++;
		}
	}
	CHECK(taken > 100);
	CHECK(taken < 3900);
}

UNIT_MAIN
