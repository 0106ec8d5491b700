/*
 * The table of keys: what bruco.yaml(5) documents, and how each key's value is read. A new key is
 * a line in schema.c.
 */
#ifndef CONFIG_SCHEMA_H
#define CONFIG_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "config/diagnostics.h"
#include "config/yaml_tree.h"

/* One run of config_load. */
struct load {
	struct config *config;
	struct diagnostics *diagnostics;
	unsigned sections; /* those that this program reads */
	bool document;     /* reads what config_dump wrote: offsets may be numbers */
	bool quiet;        /* in a section that this program doesn't read: mistakes, no warnings */
	struct config_place ordering; /* where the keys stand that bear on one another */
	struct config_place fire_and_forget;
	struct config_place retry_backoff;
	struct config_place on_failure;
	struct config_place dead_letter;
	struct config_place receive_max; /* source.properties: receive.message.max.bytes */
	struct sink_places {
		struct config_place partitioner;
		struct config_place partition;
		struct config_place topic;
	} sink_places, dead_letter_places;
	bool fire_and_forget_on;
	int64_t receive_max_bytes; /* if it has a place */
};

enum key_flag {
	KEY_KAFKA = 1, /* only with kind: kafka */
	KEY_LATER = 2  /* not supported yet, but for the one value that says what happens anyway */
};

struct section;

struct key {
	const char *name;
	/* Reads the value into `field`; false when it is wrong, which it has reported. */
	bool (*read)(
		struct load *load, const struct key *key, const struct node *node, void *field);
	const char *path;              /* in messages: "source.offset" */
	size_t field;                  /* offset in struct config */
	int64_t low, high;             /* the range of a number, duration (ms) or size */
	const char *const *words;      /* the values of a word, NULL-terminated */
	const struct section *section; /* what a map holds */
	const char *also;              /* what others call it: " group groupId " */
	const char *now;               /* KEY_LATER: the value that is accepted */
	unsigned flags;
	unsigned mistaken; /* bit in config.mistaken when the value is wrong */
};

struct section {
	const char *name; /* "" is the top level */
	const struct key *keys;
	size_t count;
	unsigned bit; /* enum config_section; 0: always read */
};

/* Further bits of config.mistaken, for keys that config_missing would ask for. */
enum {
	REQUIRED_SOURCE = 2,
	REQUIRED_SOURCE_KIND = 4,
	REQUIRED_SOURCE_BROKERS = 8,
	REQUIRED_SOURCE_TOPICS = 16,
	REQUIRED_SOURCE_GROUP = 32,
	REQUIRED_SINK_KIND = 64,
	REQUIRED_SINK_BROKERS = 128,
	REQUIRED_SINK_TOPIC = 256,
	REQUIRED_SINK_PARTITION = 512,
	REQUIRED_DEAD_LETTER_KIND = 1024, /* in the order of the sink's */
	REQUIRED_DEAD_LETTER_BROKERS = 2048,
	REQUIRED_DEAD_LETTER_TOPIC = 4096,
	REQUIRED_DEAD_LETTER_PARTITION = 8192,
	MISTAKEN_DEAD_LETTER = 16384,
	MISTAKEN_ON_FAILURE = 32768,
	MISTAKEN_ALL = 65535
};

extern const struct section schema_top;

/* Reads a map's entries by a section's keys. */
void schema_read(struct load *load, const struct section *section, const struct node *map);

/* Reads a nested section: a key's `read`. */
bool schema_read_section(
	struct load *load, const struct key *key, const struct node *node, void *field);
bool schema_read_dead_letter(
	struct load *load, const struct key *key, const struct node *node, void *field);

/* Reports a key that the section doesn't know, with the best suggestion there is. */
void schema_unknown(struct load *load, const struct section *section, const struct node *key);

#endif
