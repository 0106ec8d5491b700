/*
 * Finds all that is wrong with a configuration before anything starts: bruco check, and the first
 * step of the other commands.
 */
#ifndef BRUCO_COMMANDS_CHECK_H
#define BRUCO_COMMANDS_CHECK_H

#include <stddef.h>

#include "base/buf.h"
#include "base/options.h"
#include "config/config.h"

/* bruco check [--handler] [--print] [-c file | file | directory]; argv[0] is "check". Returns the
 * exit status: 0, 78 when there are mistakes, 69 or 70 when the handler could not be examined.
 * Ends the program with 64 for a usage error. */
int command_check(const struct program *program, int argc, char **argv);

/* Checks what the text alone doesn't show: whether handlerPath is a folder and holds the module.
 * Appends a line for each mistake or warning; returns the number of mistakes. */
size_t check_config(const struct config *config, struct buf *notes);

/* Asks source and sink what librdkafka says of the properties, if there are any; nothing connects.
 * Appends a line for each mistake or warning; returns the number of mistakes. */
size_t check_properties(const struct config *config, struct buf *notes);

/* All checks of `bruco run` and `bruco check`: reads the file into what config_init made, adds the
 * defaults, then calls check_config and check_properties. Returns the number of mistakes. */
size_t check_load(struct config *config, const char *path, struct buf *notes);

/* The same for a reload, which leaves source and sink as they are: they are not asked. */
size_t check_load_again(struct config *config, const char *path, struct buf *notes);

/* The same for the processor alone, for commands that need no broker and no secret. Writes the
 * notes to standard error; returns the number of mistakes. */
size_t check_processor(struct config *config, const char *path);

/* Has a worker import the handler, in the environment `venv` (NULL: none), and look at its functions.
 * The worker writes what it finds. Returns the exit status. */
int check_handler(const struct config *config, const char *venv);

#endif
