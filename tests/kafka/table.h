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

/* What a record must become. */
enum fate { FATE_OUTPUT, FATE_DEAD, FATE_NOTHING };

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
	uint32_t dead;         /* and in the dead letter */
	int64_t first_out;     /* offset in the output, of the first one there */
	int64_t last_out;      /* and of the last one so far */
	int64_t first_dead;    /* and in the dead letter */
	int32_t out_partition; /* of the first one in the output */
	int32_t last_partition;
	int32_t dead_partition;
	bool spread; /* seen in several partitions of the output */
	uint8_t fate;
};

struct table {
	struct entry *entries;
	size_t room; /* a power of two */
	size_t used;
};

/* Headers whose name begins with `skip` (NULL: none) are left out. */
struct hash hash_message(const rd_kafka_message_t *message, const char *skip);
uint64_t hash_key(const rd_kafka_message_t *message);

struct entry *table_add(struct table *table, struct hash hash);        /* counts one more `in` */
struct entry *table_find(const struct table *table, struct hash hash); /* NULL: not there */
void table_release(struct table *table);

#endif
