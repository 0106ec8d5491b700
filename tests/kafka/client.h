/*
 * What the test tools on librdkafka share. Every failure ends the program with one line.
 */
#ifndef TESTS_KAFKA_CLIENT_H
#define TESTS_KAFKA_CLIENT_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>

rd_kafka_conf_t *client_conf(const char *brokers);
void client_set(rd_kafka_conf_t *conf, const char *name, const char *value);
rd_kafka_t *client_new(rd_kafka_type_t type, rd_kafka_conf_t *conf); /* takes conf */

/* A producer that loses, doubles and reorders nothing, with queues for a fast load; and a consumer
 * that is assigned by hand, commits nothing and prefetches a lot. Both are ready for more
 * client_set. */
rd_kafka_conf_t *client_producer_conf(const char *brokers);
rd_kafka_conf_t *client_consumer_conf(const char *brokers);

int client_partitions(rd_kafka_t *client, const char *topic);
/* Waits until a topic that was made or grown has that many partitions and each has its leader. */
void client_wait_topic(rd_kafka_t *client, const char *topic, int partitions);
void client_ends(rd_kafka_t *client, const char *topic, int partition, int64_t *low, int64_t *high);

/* The partition that kafka-fill gives a record with this key. */
int32_t client_key_partition(const void *key, size_t length, int partitions);

/* Reads a topic from its beginning to the ends that it has now, in each partition's order.
 * Transactions that were aborted are left out. */
typedef void client_each(void *context, const rd_kafka_message_t *message);
void client_read(const char *brokers, const char *topic, client_each *each, void *context);

#endif
