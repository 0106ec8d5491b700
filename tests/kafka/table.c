#include "table.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "random.h"

static void add_word(struct hash *hash, uint64_t word)
{
	hash->a = random_mix(hash->a ^ word) + 0x9e3779b97f4a7c15U;
	hash->b = random_mix(hash->b + word * 0xff51afd7ed558ccdU) ^ 0xc4ceb9fe1a85ec53U;
}

/* The length goes in as well, so that no two lists of parts give the same words. */
static void add_part(struct hash *hash, const void *data, size_t length)
{
	const uint8_t *at = data;

	if (data == NULL) {
		add_word(hash, UINT64_MAX);
		return;
	}
	add_word(hash, length);
	for (; length > 0; at += 8) {
		uint64_t word = 0;
		size_t part = length < 8 ? length : 8;

		memcpy(&word, at, part);
		add_word(hash, word);
		length -= part;
	}
}

/* librdkafka gives null as NULL, and empty as a pointer with a length of 0. */
struct hash hash_message(const rd_kafka_message_t *message, const char *skip)
{
	struct hash hash = {1, 2};
	rd_kafka_timestamp_type_t type;
	rd_kafka_headers_t *headers;
	const char *name;
	const void *value;
	size_t length;

	add_part(&hash, message->key, message->key_len);
	add_part(&hash, message->payload, message->len);
	add_word(&hash, (uint64_t)rd_kafka_message_timestamp(message, &type));
	if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return hash;
	for (size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &length) ==
			   RD_KAFKA_RESP_ERR_NO_ERROR;
		i++) {
		if (skip != NULL && strncmp(name, skip, strlen(skip)) == 0)
			continue;
		add_part(&hash, name, strlen(name));
		add_part(&hash, value, length);
	}
	return hash;
}

uint64_t hash_key(const rd_kafka_message_t *message)
{
	struct hash hash = {3, 4};

	if (message->key == NULL)
		return 0;
	add_part(&hash, message->key, message->key_len);
	return hash.a == 0 ? 1 : hash.a;
}

static struct entry *place(const struct table *table, struct hash hash)
{
	for (size_t i = hash.a;; i++) {
		struct entry *entry = &table->entries[i & (table->room - 1)];

		if (entry->in == 0 || (entry->hash.a == hash.a && entry->hash.b == hash.b))
			return entry;
	}
}

static void enlarge(struct table *table)
{
	struct table larger = {
		.room = table->room == 0 ? 1024 : table->room * 2, .used = table->used};

	larger.entries = mem_array(larger.room, sizeof *larger.entries);
	for (size_t i = 0; i < table->room; i++)
		if (table->entries[i].in > 0)
			*place(&larger, table->entries[i].hash) = table->entries[i];
	free(table->entries);
	*table = larger;
}

struct entry *table_add(struct table *table, struct hash hash)
{
	struct entry *entry;

	if (table->used >= table->room / 2)
		enlarge(table);
	entry = place(table, hash);
	if (entry->in == 0) {
		entry->hash = hash;
		table->used++;
	}
	entry->in++;
	return entry;
}

struct entry *table_find(const struct table *table, struct hash hash)
{
	struct entry *entry = table->room == 0 ? NULL : place(table, hash);

	return entry == NULL || entry->in == 0 ? NULL : entry;
}

void table_release(struct table *table)
{
	free(table->entries);
	*table = (struct table){0};
}
