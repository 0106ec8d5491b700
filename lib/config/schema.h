/*
 * The schema: all keys of bruco.yaml(5). A key is declared once, by an entry of a table in schema.c
 * or, if only one kind of source or sink has it, in kinds/. The entry gives its name, its type
 * (which reads and writes it), its range and its default. All that handles keys walks these tables:
 * config_init, config_load, config_missing, config_dump and config_release.
 */
#ifndef CONFIG_SCHEMA_H
#define CONFIG_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "config/diagnostics.h"
#include "config/yaml_tree.h"

struct key;
struct section;
struct dump;  /* dump.h */
struct forms; /* json_schema.h */

/* One run of config_load. */
struct load {
	struct config *config;
	struct diagnostics *diagnostics;
	unsigned sections; /* those that this program reads */
	bool from_dump;    /* the text is config_dump's: offsets may be numbers */
	bool quiet;        /* in a section that this program doesn't read: no warnings */
	struct node *root;
	const struct section *section; /* of the key that is being read */
	char path[64];                 /* of that key, for messages: "source.offset" */
	struct config_place key_place; /* where its name stands */
};

/* What all keys of one type have in common. `field` points to the key's value in struct config. */
struct value_type {
	/* Sets *field to the node's value; false if that is wrong, which it has reported. NULL: the
	 * key has a section of its own. */
	bool (*read)(
		struct load *load, const struct key *key, const struct node *node, void *field);
	/* Appends what `read` reads again: all that follows "key:". NULL: the stages need nothing
	 * of this key, since `read` has changed another one. */
	void (*write)(struct dump *dump, const struct key *key, const void *field);
	/* Adds the forms that a value may have, beside that of a substituted text (json_schema.h).
	 * NULL: nothing is said of them. */
	void (*forms)(struct forms *forms, const struct key *key);
	bool (*is_set)(const void *field); /* NULL: it always is */
	void (*clear)(void *field);        /* releases and unsets it; NULL: all zero is unset */
};

enum key_flag {
	KEY_WORKER_ONLY = 1,   /* no part of SECTION_POLICY: only workers get it */
	KEY_DEFAULT_VARIES = 2 /* `initial` is replaced by what follows from something else */
};

struct key {
	const char *name;
	const char *help; /* one sentence, the first of its paragraph in bruco.yaml(5) */
	const struct value_type *type;
	size_t field;                  /* offset in its section's structure, of this key alone */
	const char *initial;           /* its default, as a file would give it; NULL: unset */
	int64_t low, high;             /* the range of a number, duration (ms) or size */
	const char *const *words;      /* the values of a word, NULL-terminated */
	const struct section *section; /* what a map holds */
	const char *also;              /* what other programs call it: " group groupId " */
	/* Whether the key has to be given: returns NULL if not, else a remark for the message,
	 * often
	 * "". `owner` is its section's structure. Without this function the key may be left out. */
	const char *(*required)(const void *owner);
	unsigned flags; /* enum key_flag */
};

/* A kind of source or sink. */
struct kind {
	const char *name;
	const char *absent;     /* why it cannot be used: "does not exist yet"; NULL: it can */
	const struct key *keys; /* those that only this kind has */
	size_t count;
	bool reads_input;       /* as a source: its records come from standard input */
};

struct section {
	const char *name; /* "processor.retry"; "" is the top level */
	const struct key *keys;
	size_t count;
	const struct kind *const *kinds; /* NULL-terminated; NULL: the section has no kinds */
	size_t base, size;               /* its structure in struct config */
	size_t present, place;           /* offsets in struct config; 0: it has none */
	unsigned bit;                    /* enum config_section; 0: always read */
};

extern const struct section schema_top;

/* The i-th key of a section: its own, then those of its kinds, with *kind NULL for its own; NULL
 * after the last one. */
const struct key *schema_key(const struct section *section, size_t i, const struct kind **kind);

/* The key of this name, among the section's own and those of `kind`, or of any kind if that is
 * NULL. NULL: there is none. */
const struct key *schema_find(
	const struct section *section, const struct kind *kind, const char *name);

/* The section's kind of this name, or NULL. */
const struct kind *schema_kind(const struct section *section, const char *name);
/* The section's kind that is configured, or NULL. */
const struct kind *schema_kind_of(const struct section *section, const struct config *config);

/* The address of the key's value in *config. Whoever writes there needs a config that is not const.
 */
void *schema_field(
	const struct section *section, const struct key *key, const struct config *config);

/* "source.offset" */
void schema_path(char path[64], const struct section *section, const struct key *key);

/* Sets all keys of the section, which must be cleared or all zero, to their defaults. */
void schema_init(const struct section *section, struct config *config);
/* Releases their values; all is zero afterwards. */
void schema_clear(const struct section *section, struct config *config);

/* Reads a map's entries by a section's keys (read.c). A value that is wrong becomes NODE_BAD. */
void schema_read(struct load *load, const struct section *section, struct node *map);

/* Reports a key that the section doesn't know, with the best suggestion there is (suggest.c). */
void schema_unknown(struct load *load, const struct section *section, const struct node *key);

/* Checks what keys say about one another (rules.c). */
void rules_check(struct load *load);
/* The same of the security of all clients; derives what it means (security.c). */
void security_check(struct load *load);
/* The same of librdkafka's settings beside exactlyOnce (exact_properties.c). */
void exact_properties_check(struct load *load);

#endif
