/*
 * What nobody may read who reads a log, a message or what `bruco check --print` shows. A value is hidden
 * by its origin: what came from ${NAME} or ${file:PATH} is shown as that. Beside that a text is hidden
 * as a whole because of its name, and parts of any text: user and password in a URL, and the values of
 * names such as `password` in a URL's query, a connection string or JSON. Private keys are hidden
 * as a whole.
 */
#ifndef CONFIG_SECRETS_H
#define CONFIG_SECRETS_H

#include <stdbool.h>

#include "config/yaml_tree.h"

/* Whether a setting or variable of this name holds a secret. */
bool secret_name(const char *name);

enum secret_syntax {
	SECRET_PLAIN,
	SECRET_IN_FILE /* ${...} is not the value but the way to it, and stays; its default may be secret */
};

/* The text with "***" for what is secret, or, with `whole`, for all that it is; the caller frees it.
 * NULL: nothing is to be hidden. */
char *secret_mask(const char *text, enum secret_syntax syntax, bool whole);

/* Finds the scalars that are secret by their names, sets their node->secret. Before substitution, and
 * again behind it, since the name of a variable may be substituted, too. */
void secrets_mark(struct node *root);

/* After substitution: sets node->shown of all scalars, and of keys. */
void secrets_hide(struct node *root);

#endif
