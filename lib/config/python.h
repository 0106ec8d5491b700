/*
 * Which Python runs a handler: the one that bruco-worker embeds, or one of the user's, which loads the
 * worker's code as an extension module from ../lib/bruco/modules beside Bruco's programs. Starts no Python.
 */
#ifndef CONFIG_PYTHON_H
#define CONFIG_PYTHON_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"

enum { PYTHON_WHY_MAX = 1024 };

struct python {
	char *executable; /* owned */
	char *base;       /* the folder that it was installed into, owned; NULL: it is not known */
	bool embedded;    /* bruco-worker takes the packages of `executable`, and executes nothing */
};

/*
 * What `path` names: the folder of a virtual environment, a folder that a whole Python was installed
 * into, or an executable. An environment for the version that is embedded takes the embedded one.
 * False, and `why`: there is no such thing, or the module for its version is missing; nothing has to
 * be released then.
 */
bool python_find(const char *path, struct python *python, char why[static PYTHON_WHY_MAX]);
void python_release(struct python *python);

/* Checks processor.python, if there is one. Returns the number of mistakes, each appended to *notes
 * as config_load does. */
size_t python_check(const struct config *config, struct buf *notes);

#endif
