/*
 * Reading values: one function for each type of a key (see struct key). Each reports what it
 * expected and what it found.
 */
#ifndef CONFIG_TYPES_VALUES_H
#define CONFIG_TYPES_VALUES_H

#include "config/schema.h"

typedef bool read_value(
	struct load *load, const struct key *key, const struct node *node, void *field);

read_value read_text;            /* char *: one line, not empty, at most key->high bytes */
read_value read_handler_path;    /* char *: relative ones joined to the config's folder */
read_value read_python;          /* char *: a folder, joined to the config's */
read_value read_module;          /* char *: a Python module's name */
read_value read_topic;           /* char *: the same, of a sink */
read_value read_kafka_name;      /* char *: what Kafka takes as a topic's name */
read_value read_kafka_names;     /* struct texts: list or comma text of those */
read_value read_brokers;         /* char *: list or comma text of host:port */
read_value read_word;            /* char *: one of key->words */
read_value read_duration;        /* int64_t, ms */
read_value read_size;            /* int64_t, bytes */
read_value read_count;           /* uint32_t */
read_value read_workers;         /* uint32_t, or auto */
read_value read_except;          /* struct settings: a list or comma text of Python classes */
read_value read_env;             /* struct settings: a list of name and value */
read_value read_properties;      /* struct settings: a map */
read_value read_kind;            /* char *: one of key->words, or the reason why not */
read_value read_ordering;        /* enum ordering */
read_value read_backoff;         /* int64_t, ms */
read_value read_on_failure;      /* enum on_failure */
read_value read_offset;          /* struct start_offset */
read_value read_balance;         /* char *: librdkafka's word */
read_value read_partitioner;     /* char *: librdkafka's word */
read_value read_partition;       /* int32_t */
read_value read_fire_and_forget; /* into struct load */
read_value read_no_effect;       /* nothing: one line of information */

/* Each text of a list or of a comma text, trimmed; none is empty. What isn't a text is reported.
 * False when `take` was false for one. */
bool value_each(struct load *load, const struct key *key, const struct node *node,
	bool (*take)(struct load *load, const struct key *key, const struct node *item,
		const char *text, void *field),
	void *field);

/* "source.offset: expected WHAT, found 'x'"; returns false. */
bool value_expected(
	struct load *load, const struct key *key, const struct node *node, const char *what);
/* "source.offset: " and this; returns false. */
bool value_wrong(struct load *load, const struct key *key, const struct node *node,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

/* A scalar that is there, else reports `what` was expected. */
bool value_scalar(
	struct load *load, const struct key *key, const struct node *node, const char *what);
/* A scalar of one line that is not empty. */
bool value_line(
	struct load *load, const struct key *key, const struct node *node, const char *what);

/* A kind that will come, or that earlier versions had. */
bool kind_is_foreign(const char *kind);

/* The words of the enums and of the partitioners, for config_dump. */
const char *ordering_word(enum ordering ordering);
const char *on_failure_word(enum on_failure on_failure);
const char *partitioner_word(const char *librdkafka);

void texts_add(struct texts *texts, const char *text);
void texts_release(struct texts *texts);
struct setting *settings_set(struct settings *settings, const char *name, const char *value);
void settings_release(struct settings *settings);

void processor_init(struct processor_config *processor);
void source_init(struct source_config *source);
void sink_init(struct sink_config *sink);
void processor_release(struct processor_config *processor);
void source_release(struct source_config *source);
void sink_release(struct sink_config *sink);

/* `path`, joined to the folder if it is relative; the caller frees it. */
char *config_path(const char *directory, const char *path);

/* Whether a value of this name is to be masked, or a value that carries a password in a URL. */
bool secret_name(const char *name);
bool secret_value(const char *value);

#endif
