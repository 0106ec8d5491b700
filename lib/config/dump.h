/*
 * Writing values as YAML, for the types of keys (struct value_type): a `write` function appends all
 * that follows "key:", with the line break.
 */
#ifndef CONFIG_DUMP_H
#define CONFIG_DUMP_H

#include <stdbool.h>
#include <stdint.h>

#include "config/schema.h"

/* One run of config_dump. */
struct dump {
	const struct config *config;
	unsigned sections;
	struct buf *out;
	bool masked;     /* for people: see config_dump */
	bool for_stage;  /* with what the stage may show */
	unsigned indent; /* of the key that is being written */
};

void dump_text(struct dump *dump, const char *text);   /* the text alone, quoted if it has to be */
void dump_scalar(struct dump *dump, const char *text); /* a text as a key's value */
void dump_number(struct dump *dump, int64_t number);

/* A text as a key's value; for people `shown` instead, unless that is NULL. */
void dump_shown(struct dump *dump, const char *text, const char *shown);

/* Keeps what is to be shown of a key's value, if that is another text or list of texts than the value. */
void dump_keep_given(struct config *config, const char *path, const struct node *value);

/* The blanks at the beginning of a line that is `more` deeper than the key. */
void dump_indent(struct dump *dump, unsigned more);

#endif
