/* lib/config: the value that each key gets. */
#include "config_file.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/processors.h"

TEST(an_empty_file_gives_the_defaults)
{
	CHECK_GOOD("# nothing\n");
	CHECK_TEXT(config.path, "config.yaml");
	CHECK_TEXT(config.directory, folder);
	CHECK_TEXT(config.name, strrchr(folder, '/') + 1);
	CHECK_INT(config.shutdown_timeout_ms, 30000);
	CHECK_INT(config.max_record_size, 16 << 20);
	CHECK_INT(config.max_restarts, 10);
	CHECK_INT(config.max_wait_ms, 0);
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
		       "maxWait: 90s\n"
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
		       "  concurrency: 32\n"
		       "  batch: {size: 250, wait: 75ms}\n"
		       "  maxEvents: 100000\n"
		       "  maxMemory: 512MiB\n"
		       "  logLevel: debug\n"
		       "  python: ./env\n"
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
		       "  windowTime: 250ms\n"
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
	CHECK_INT(config.max_wait_ms, 90000);
	CHECK(strncmp(config.processor.handler_path, folder, strlen(folder)) == 0);
	CHECK_TEXT(config.processor.handler_path + strlen(folder), "/code/../handlers/");
	CHECK_INT(config.processor.handler_path_place.line, 7);
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
	CHECK_INT(config.source.window_time_ms, 250);
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
	CHECK_INT(config.processor.concurrency, 32);
	CHECK_INT(config.processor.batch_size, 250);
	CHECK_INT(config.processor.batch_wait_ms, 75);
	CHECK_INT(config.processor.max_events, 100000);
	CHECK_INT(config.processor.max_memory, 512 << 20);
	CHECK(strncmp(config.processor.python, folder, strlen(folder)) == 0);
	CHECK_TEXT(config.processor.python + strlen(folder), "/env");
	CHECK_INT(config.processor.python_place.line, 21);
	CHECK_INT(config.processor.python_place.column, 11);
	CHECK_INT(config.processor.on_failure, FAILURE_DEAD_LETTER);
	CHECK_INT(config.processor.log_level, HANDLER_LOG_DEBUG);
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
	CHECK(config_offset("-5", &offset) && offset.kind == OFFSET_BEFORE_END && offset.value == 5);
	CHECK(config_offset("@17", &offset) && offset.kind == OFFSET_TIME && offset.value == 17);
	CHECK(config_offset("1970-01-02", &offset) && offset.value == 86400000);
	CHECK(!config_offset("", &offset));
	CHECK(!config_offset("-", &offset) && !config_offset("-0", &offset) && !config_offset("--1", &offset));
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

UNIT_MAIN
