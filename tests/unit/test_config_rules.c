/* lib/config: keys that bear on one another. */
#include "config_file.h"

#include <string.h>

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

#define EXACTLY_ONCE "processingGuarantee: exactlyOnce\n"
#define EXACT_SINK   "sink: {kind: kafka, brokers: b, topic: out"

TEST(exactly_once_is_of_one_cluster)
{
	CHECK_GOOD(EXACTLY_ONCE KAFKA_SOURCE "}\n" EXACT_SINK "}\n");
	CHECK_INT(config.guarantee, GUARANTEE_EXACTLY_ONCE);
	CHECK_INT(config.sink.commit_interval_ms, 100);
	CHECK(config.sink.transactional_id == NULL);
	CHECK_GOOD(EXACTLY_ONCE KAFKA_SOURCE "}\nsink: {kind: kafka, brokers: ['x:1', 'B:9093'], topic: out}\n");
	CHECK_MISTAKE(EXACTLY_ONCE KAFKA_SOURCE "}\nsink: {kind: kafka, brokers: c, topic: out}\n",
		"3:30: sink.brokers: with 'processingGuarantee: exactlyOnce' it is the cluster of source, since "
		"a transaction is one cluster's: name at least one host that source.brokers names");
	CHECK_MISTAKE(EXACTLY_ONCE "processor: {onFailure: deadLetter}\n" KAFKA_SOURCE "}\n" EXACT_SINK
				   "}\ndeadLetter: {kind: kafka, brokers: c, topic: dead}\n",
		"5:36: deadLetter.brokers: with 'processingGuarantee: exactlyOnce' it is the cluster of sink, since "
		"a transaction is one cluster's: name at least one host that sink.brokers names");
	CHECK_MISTAKE(EXACTLY_ONCE "processor: {onFailure: deadLetter}\n" KAFKA_SOURCE "}\n" EXACT_SINK
				   "}\ndeadLetter: {kind: kafka, brokers: b, topic: dead, properties: {linger.ms: 1}}\n",
		"5:64: deadLetter.properties: with 'processingGuarantee: exactlyOnce' dead letters are part of the "
		"sink's transactions, and go by its connections: leave it out");
}

TEST(exactly_once_is_from_kafka_to_kafka)
{
	CHECK_MISTAKE(EXACTLY_ONCE KAFKA_SOURCE "}\nsink: {kind: lines}\n",
		"3:14: sink.kind: with 'processingGuarantee: exactlyOnce' it is kafka, for nothing else is part of "
		"its transactions, and not 'lines'");
	CHECK_MISTAKE(EXACTLY_ONCE "source: {kind: json}\n" EXACT_SINK "}\n",
		"2:16: source.kind: with 'processingGuarantee: exactlyOnce' it is kafka, for nothing else is part "
		"of its transactions, and not 'json'");
	CHECK_MISTAKE(EXACTLY_ONCE KAFKA_SOURCE "}\n",
		"1:22: processingGuarantee: exactlyOnce needs a sink of kind kafka: only what goes there is part of "
		"its transactions");
	CHECK_MISTAKE(EXACTLY_ONCE "processor: {ordering: key}\n" KAFKA_SOURCE "}\n" EXACT_SINK "}\n",
		"2:23: processor.ordering: with 'processingGuarantee: exactlyOnce' it is partition: what a "
		"transaction commits of a partition is one offset, up to which everything must be done");
	CHECK_MISTAKE(EXACTLY_ONCE KAFKA_SOURCE ", fireAndForget: true}\n" EXACT_SINK "}\n",
		"1:22: processor.ordering: with 'processingGuarantee: exactlyOnce' it is partition: what a "
		"transaction commits of a partition is one offset, up to which everything must be done");
}

TEST(keys_of_transactions_need_them)
{
	CHECK_INT(load(KAFKA_SOURCE "}\n" EXACT_SINK ", commitInterval: 50ms}\n"), 0);
	CHECK_TEXT(said(), "config.yaml:2:61: warning: sink.commitInterval has no effect without "
			   "'processingGuarantee: exactlyOnce'\n");
	CHECK_MISTAKE(EXACTLY_ONCE KAFKA_SOURCE "}\n" EXACT_SINK
				   ", commitInterval: 10s, properties: {transaction.timeout.ms: 19999}}\n",
		"3:103: sink.properties: with this commitInterval 'transaction.timeout.ms' is 20000 at least");
	CHECK_GOOD(EXACTLY_ONCE KAFKA_SOURCE "}\n" EXACT_SINK
				   ", commitInterval: 10s, transactionalId: me, properties: {transaction.timeout.ms: 20000}}\n");
	CHECK_TEXT(config.sink.transactional_id, "me");
	CHECK_INT(config.sink.commit_interval_ms, 10000);
}

/* One property of a section, with exactly once. */
#define EXACT_SOURCE_WITH(property) \
	EXACTLY_ONCE KAFKA_SOURCE ", properties: {" property "}}\n" EXACT_SINK "}\n"
#define EXACT_SINK_WITH(property) \
	EXACTLY_ONCE KAFKA_SOURCE "}\n" EXACT_SINK ", properties: {" property "}}\n"
#define NEEDS "with 'processingGuarantee: exactlyOnce' "

#define ONE_FAIL "'socket.max.fails' is 1: with the connection of a request that has timed out goes the request, " \
		 "which may otherwise arrive in a later transaction"
#define NEW_ENOUGH "'broker.version.fallback' is 0.10.0 at least: older requests know nothing of transactions, " \
		   "and give a source what was aborted"

TEST(exactly_once_and_lost_connections)
{
	CHECK_MISTAKE(EXACT_SINK_WITH("socket.max.fails: 0"), "3:76: sink.properties: " NEEDS ONE_FAIL);
	CHECK_MISTAKE(EXACT_SINK_WITH("socket.max.fails: 2"), "3:76: sink.properties: " NEEDS ONE_FAIL);
	CHECK_MISTAKE(EXACT_SOURCE_WITH("socket.max.fails: 3"), "2:97: source.properties: " NEEDS ONE_FAIL);
	CHECK_GOOD(EXACT_SINK_WITH("socket.max.fails: 1"));
	CHECK_GOOD(KAFKA_SOURCE "}\n" EXACT_SINK ", properties: {socket.max.fails: 0}}\n");
}

TEST(exactly_once_and_old_brokers)
{
	CHECK_MISTAKE(EXACT_SOURCE_WITH("broker.version.fallback: 0.9.0.1"), "2:104: source.properties: " NEEDS NEW_ENOUGH);
	CHECK_MISTAKE(EXACT_SINK_WITH("broker.version.fallback: '0.8'"), "3:83: sink.properties: " NEEDS NEW_ENOUGH);
	CHECK_GOOD(EXACT_SOURCE_WITH("broker.version.fallback: 0.10.0"));
	CHECK_GOOD(EXACT_SINK_WITH("broker.version.fallback: '2.0'"));
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

UNIT_MAIN
