/*
 * What a requirements.txt says, as far as it decides whether an environment can be used again.
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
 * A hash of all that it says: its text, that of the files that it includes (-r, -c) wherever they
 * can be read, and, if any line may name something beside the handler, the handler's folder.
 */
uint64_t requirements_hash(const char *text, const char *file, const char *handler_path);

#endif
