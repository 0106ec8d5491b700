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
	bool masked;     /* passwords as "***", `$` as `$$` */
	unsigned indent; /* of the key that is being written */
};

void dump_text(struct dump *dump, const char *text);   /* the text alone, quoted if it has to be */
void dump_scalar(struct dump *dump, const char *text); /* a text as a key's value */
void dump_number(struct dump *dump, int64_t number);

/* The blanks at the beginning of a line that is `more` deeper than the key. */
void dump_indent(struct dump *dump, unsigned more);

#endif
