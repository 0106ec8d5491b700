/*
 * Substitution inside scalars, after parsing, so that a value can never add structure:
 *
 *	${NAME}          the environment variable; a mistake when it is not set
 *	${NAME:-text}    the variable, or this text when it is not set or empty
 *	${file:PATH}     a file's content without its last newline; relative to `directory`
 *	$$               $
 *
 * A `$` before anything else is itself. Keys are not touched. The text as it stands in the file is kept
 * in node->given.
 */
#ifndef CONFIG_EXPAND_H
#define CONFIG_EXPAND_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "config/diagnostics.h"
#include "config/yaml_tree.h"

/* The most bytes of one file, and of all substituted texts together. */
enum { EXPAND_FILE_MAX = 1 << 20, EXPAND_BYTES_MAX = 16 << 20 };

struct expansion {
	const char *directory;
	struct diagnostics *diagnostics;
	struct texts *files; /* paths of files that were read are added; NULL: not wanted */
	size_t bytes; /* so far */
};

/*
 * All scalars below a node. Names of variables are added to `names` (NULL: not wanted). With
 * `resolve` false neither variables nor files are read: only the form is checked, and scalars that
 * need them are marked unresolved. A scalar that can't be substituted is reported and becomes
 * NODE_BAD.
 */
void expand_tree(struct expansion *expansion, struct node *node, bool resolve, struct texts *names);

#endif
