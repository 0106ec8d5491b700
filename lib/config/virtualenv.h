/*
 * Checks whether a folder is a virtual environment for a version of Python. Starts no Python.
 */
#ifndef CONFIG_VIRTUALENV_H
#define CONFIG_VIRTUALENV_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"

enum { VIRTUALENV_WHY_MAX = 512 };

/* Whether `folder` is a virtual environment for Python major.minor; else `why` says what is wrong
 * with it. */
bool virtualenv_fits(const char *folder, int major, int minor, char why[static VIRTUALENV_WHY_MAX]);

/* Checks processor.python, if there is one. Returns the number of mistakes, each appended to *notes
 * as config_load does. */
size_t virtualenv_check(const struct config *config, int major, int minor, struct buf *notes);

#endif
