/*
 * Reads requirements.txt, to decide whether an environment that was made for one can be used again.
 */
#ifndef CONFIG_REQUIREMENTS_H
#define CONFIG_REQUIREMENTS_H

#include <stdbool.h>
#include <stdint.h>

/* The text of a file, which the caller frees, or NULL with errno. */
char *requirements_read(const char *file);

/* Whether it asks for nothing: blank lines and comments only. */
bool requirements_empty(const char *text);

/*
 * A hash of the file's text and of the texts of the files that it includes (-r, -c) if they can be read. *paths:
 * a line may name a path that begins at the handler; *hashed: a line has the hash of a package.
 */
uint64_t requirements_hash(const char *text, const char *file, bool *paths, bool *hashed);

#endif
