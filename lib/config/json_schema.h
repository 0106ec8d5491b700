/*
 * The keys as a JSON Schema (2020-12, in words that draft-07 has too), for editors and other programs.
 * It says of a value what can be said of one value's form: its type, its words, the range of a number,
 * the letters of a name. What it cannot say is listed in bruco.yaml(5).
 *
 * A type of keys (struct value_type) tells the forms that its values may have with these functions; each
 * adds one or more, and a value has one of them.
 */
#ifndef CONFIG_JSON_SCHEMA_H
#define CONFIG_JSON_SCHEMA_H

#include <stdbool.h>
#include <stdint.h>

#include "config/schema.h"

struct forms {
	struct buf *out;
	const struct section *section; /* of the key */
	bool any;                      /* one was added */
	bool no_text;                  /* set by a type whose value is never a text, even a substituted one */
};

void form_pattern(struct forms *forms, const char *pattern); /* a text that the expression finds */
/* A line, of at most so many letters; 0: any. */
void form_text(struct forms *forms, int64_t most);
void form_words(struct forms *forms, const char *const *words); /* NULL-terminated */
void form_number(struct forms *forms, bool whole, double low, double high);
void form_bool(struct forms *forms);
void form_null(struct forms *forms);
/* A list of items that the expression matches, or a text with commas between them. `types`: those of
 * JSON that are items as well, in quotes and with commas. */
void form_list(struct forms *forms, const char *item, const char *types, bool may_be_empty);
void form_json(struct forms *forms, const char *schema); /* whatever this schema says */

/* Of texts that are substituted; and of texts, and numbers and words like `true`, which are texts too. */
#define FORM_SUBSTITUTED "{\"$ref\": \"#/$defs/substituted\"}"
#define FORM_SCALAR      "{\"type\": [\"string\", \"number\", \"boolean\"]}"

/* What `bruco schema` prints, on one line. */
void json_schema_write(struct buf *out);

#endif
