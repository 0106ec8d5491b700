/*
 * The command lines of source and sink: the options that both have, and what becomes of a
 * configuration under them. Every mistake ends the program.
 */
#ifndef STAGE_COMMAND_H
#define STAGE_COMMAND_H

#include <stddef.h>

#include "base/options.h"
#include "config/config.h"

enum { COMMAND_PROPERTIES_MAX = 64 };

/* -X flags in the order given. */
struct property_flags {
	char *items[COMMAND_PROPERTIES_MAX];
	size_t count;
};

/* What the options of both say; a program adds its own. */
struct command_flags {
	const char *config_path, *brokers, *topics;
	const char *link_path; /* NULL: no link */
	struct property_flags properties;
	bool with_keys; /* lines are key TAB value */
	bool check;     /* answer `bruco check` and end */
	int driver;     /* the driver's socket, -1: started by hand */
};

/* Begins an option string for options_next, and its array of struct option. --check and --driver are
 * for `bruco` alone. */
#define COMMAND_LETTERS "b:c:Kl:qt:vX:"
#define COMMAND_OPTIONS                                                                            \
	OPTIONS_COMMON, {"brokers", required_argument, NULL, 'b'},                                 \
		{"config", required_argument, NULL, 'c'}, {"keys", no_argument, NULL, 'K'},        \
		{"link", required_argument, NULL, 'l'}, {"topic", required_argument, NULL, 't'},   \
		{"property", required_argument, NULL, 'X'},                                        \
		{"check", no_argument, NULL, OPTION_CHECK},                                        \
	{                                                                                          \
		"driver", required_argument, NULL, OPTION_DRIVER                                   \
	}

/* Handles one of these options, as options_common does. False: it is the program's own. */
bool command_option(const struct program *program, struct command_flags *flags, int option);

/* The kind on the command line, or NULL, after options_next has read all options. What stands behind it are the
 * kind's operands: a path, or a program with its arguments. */
const char *command_kind(int argc, char **argv, struct texts *operands);

/* Ends the program if there are more operands than these. */
void command_operands(const struct program *program, const struct texts *operands, size_t most);

/* The value of --format. */
void command_format(const struct program *program, const char *word, enum record_format *format);

/* An absolute path of what the user has named. */
char *command_path(const char *path);

/* Reads the file, if there is one (path may be NULL), and prints its notes; then settles the kind:
 * the word on the command line, which must be the file's if that has one. */
void command_load(const struct program *program, struct config *config, const char *path,
	enum config_section section, const char *word);

/* Lays -X flags over the properties, then ends the program if something is missing still. */
void command_complete(const struct program *program, struct config *config,
	enum config_section section, const struct property_flags *flags);

/* Appends what is wrong with properties, as config_property_answers reads it. */
typedef void answer_properties(const struct config *config, struct buf *answers);

/* The option --check, for `bruco check`: reads the stage's sections of the configuration from
 * standard input, writes what `answer` says to standard output, and ends the program. */
_Noreturn void command_answer(struct config *config, unsigned sections, answer_properties *answer);

/* The same for a program that was started by hand with a file: ends it with 78 and the mistakes. */
void command_check_properties(const struct config *config, answer_properties *answer);

#endif
