/*
 * The records of the input topic, found by a 128-bit hash of all that must be kept: key, headers
 * in their order, timestamp and value, with null and empty told apart.
 */
#ifndef TESTS_KAFKA_TABLE_H
#define TESTS_KAFKA_TABLE_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hash {
	uint64_t a, b;
};

struct entry {
	struct hash hash;
	uint64_t key;   /* the key's hash; 0: null */
	int64_t offset; /* in the input, of the first one with this content */
	int32_t partition;
	uint32_t in;           /* how often it is in the input; 0: an unused place */
	uint32_t out;          /* and in the output */
	int32_t out_partition; /* of the first one there */
	bool spread;           /* seen in several partitions of the output */
};

struct table {
	struct entry *entries;
	size_t room; /* a power of two */
	size_t used;
};

struct hash hash_message(const rd_kafka_message_t *message);
uint64_t hash_key(const rd_kafka_message_t *message);

struct entry *table_add(struct table *table, struct hash hash);        /* counts one more `in` */
struct entry *table_find(const struct table *table, struct hash hash); /* NULL: not there */
void table_release(struct table *table);

#endif
