/*
 * The types of keys: how their values are read and written (see struct value_type). A reader
 * reports what it expected and what it found.
 */
#ifndef CONFIG_TYPES_VALUES_H
#define CONFIG_TYPES_VALUES_H

#include "config/schema.h"

extern const struct value_type text_type;         /* char *: a line of at most key->high bytes */
extern const struct value_type address_type;      /* char *: what address_parse takes */
extern const struct value_type host_type;         /* char *: an IP address */
extern const struct value_type path_type;         /* char *: of a file, joined to the config's folder */
extern const struct value_type place_type;        /* char *: the same, which need not exist */
extern const struct value_type request_path_type; /* char *: "/healthz", or none */
extern const struct value_type handler_path_type; /* char *: joined to the config's folder */
extern const struct value_type python_type;       /* char *: a folder, joined to the config's */
extern const struct value_type module_type;       /* char *: a Python module's name */
extern const struct value_type user_type;         /* char *: the name of a user of this machine */
extern const struct value_type kafka_name_type;   /* char *: what Kafka takes as a topic's name */
extern const struct value_type nats_servers_type;  /* char *: list or comma text of [scheme://[user@]]host:port */
extern const struct value_type nats_subject_type;  /* char *: a subject without wildcards */
extern const struct value_type nats_pattern_type;  /* char *: one that may have wildcards */
extern const struct value_type nats_patterns_type; /* struct texts: list or comma text of those */
extern const struct value_type nats_word_type;     /* char *: a text without blanks */
extern const struct value_type kafka_topics_type; /* struct texts: list or comma text of those, or of patterns */
extern const struct value_type brokers_type;      /* char *: list or comma text of host:port */
extern const struct value_type duration_type;     /* int64_t, ms */
extern const struct value_type size_type;         /* int64_t, bytes */
extern const struct value_type rate_type;         /* int64_t, an hour */
extern const struct value_type count_type;        /* uint32_t */
extern const struct value_type workers_type;      /* uint32_t, or auto */
extern const struct value_type choice_type;       /* enum: the number of one of key->words */
extern const struct value_type classes_type;      /* struct settings: names of Python classes */
extern const struct value_type env_type;          /* struct settings: a list of name and value */
extern const struct value_type inherit_type;      /* struct texts: names of variables, PREFIX_* */
extern const struct value_type bool_type;         /* bool */
extern const struct value_type properties_type;   /* struct settings: a map */
extern const struct value_type protocol_type;     /* struct setting: of key->words, in any case */
extern const struct value_type mechanism_type;    /* struct setting: of key->words, in any case */
extern const struct value_type credential_type;   /* struct setting: a line */
extern const struct value_type pem_type;          /* struct setting: a path, or a text in PEM */
extern const struct value_type command_type;      /* struct texts: a program and its arguments */
extern const struct value_type kind_type;         /* char *: one of the section's kinds */
extern const struct value_type offset_type;       /* struct start_offset */
extern const struct value_type balance_type;      /* char *: librdkafka's word */
extern const struct value_type partitioner_type;  /* char *: librdkafka's word */
extern const struct value_type partition_type;    /* int32_t */
extern const struct value_type switch_type;       /* true or false, stored nowhere */
extern const struct value_type no_effect_type;    /* nothing: one line of information */
extern const struct value_type map_type;          /* the keys of key->section */

/* key->required of a key that is always required. */
const char *always_required(const void *owner);

/* Parts of several types. */
bool read_count(struct load *load, const struct key *key, const struct node *node, void *field);
void count_forms(struct forms *forms, const struct key *key);
void text_forms(struct forms *forms, const struct key *key);
void word_forms(struct forms *forms, const struct key *key);
bool text_is_set(const void *field);
void text_clear(void *field);
void text_write(struct dump *dump, const struct key *key, const void *field);
bool texts_are_set(const void *field);
void texts_clear(void *field);
void texts_write(struct dump *dump, const struct key *key, const void *field);
bool settings_are_set(const void *field);
void settings_clear(void *field);

/* Calls `take` for each text of a list or of a comma text, trimmed. An empty text, or what is no
 * text, is reported. False if one was wrong, or `take` returned false for one. */
bool value_each(struct load *load, const struct key *key, const struct node *node,
	bool (*take)(struct load *load, const struct key *key, const struct node *item,
		const char *text, void *field),
	void *field);

/* Reports "source.offset: expected WHAT, found 'x'"; returns false. */
bool value_expected(
	struct load *load, const struct key *key, const struct node *node, const char *what);
/* Reports "source.offset: " and this; returns false. */
bool value_wrong(struct load *load, const struct key *key, const struct node *node,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Whether the node is a scalar with a value; else reports that `what` was expected. */
bool value_scalar(
	struct load *load, const struct key *key, const struct node *node, const char *what);
/* The same for a scalar of one line that is not empty. */
bool value_line(
	struct load *load, const struct key *key, const struct node *node, const char *what);

/* Whether a text is not a path but what would be in the file. */
bool value_is_pem(const char *text);

/* What to show of a part of the item's text. */
const char *value_part(const struct node *item, const char *part);

/* The index of the scalar among the words; false if it is none of them, which is reported. */
bool value_word(struct load *load, const struct key *key, const struct node *node,
	const char *const *words, size_t *index);
/* Appends "a, b or c" and a NUL. */
void value_list_words(struct buf *out, const char *const *words);

void texts_add(struct texts *texts, const char *text);
void texts_release(struct texts *texts);
/* Sets or replaces one; what is to be shown of it goes by its name and value. */
struct setting *settings_set(struct settings *settings, const char *name, const char *value);
/* The same from a file, with its place; what is to be shown goes by the nodes, too. */
void settings_take(
	struct settings *settings, const struct node *name, const struct node *value);
void settings_release(struct settings *settings);
void setting_release(struct setting *setting);

/* `path`, joined to the folder if it is relative; the caller frees it. */
char *config_path(const char *directory, const char *path);

#endif
