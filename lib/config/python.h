/*
 * Which Python runs a handler: Bruco's own, or one of the user's, which loads the worker's code as an
 * extension module from ../lib/bruco/modules beside Bruco's programs. Its own is the one that bruco-worker
 * embeds. A build that embeds none (BRUCO_PYTHON is not defined) takes the one of the environment that Bruco
 * was installed into, else the first python3 in PATH, and loads the module there, too. Starts no Python.
 */
#ifndef CONFIG_PYTHON_H
#define CONFIG_PYTHON_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"

enum { PYTHON_WHY_MAX = 1024 };

struct python {
	char *executable;  /* owned */
	char *environment; /* the folder of the virtual environment that it is of, owned; NULL: of none */
	char *base;        /* the folder that it was installed into, owned; NULL: it is not known */
	bool embedded;     /* bruco-worker takes the packages of `executable`, and executes nothing */
};

/*
 * What `path` names: the folder of a virtual environment, a folder that a whole Python was installed
 * into, or an executable. An environment for the version that is embedded takes the embedded one.
 * False, and `why`: there is no such thing, or the module for its version is missing; nothing has to
 * be released then.
 */
bool python_find(const char *path, struct python *python, char why[static PYTHON_WHY_MAX]);
void python_release(struct python *python);

/* Bruco's own, where nothing names another one; otherwise as python_find. */
bool python_find_own(struct python *python, char why[static PYTHON_WHY_MAX]);
/* Its executable, which may be missing where none is embedded. It is kept. */
const char *python_own(void);
/* Where the standard library of the embedded one is; NULL: none is embedded. */
const char *python_own_home(void);

/* Checks processor.python, if there is one. Returns the number of mistakes, each appended to *notes
 * as config_load does. */
size_t python_check(const struct config *config, struct buf *notes);

#endif
