/*
 * What the stages' command lines do with a configuration: read it or end, lay flags over it, see
 * that nothing is missing. All of it ends the program on a mistake.
 */
#ifndef CONFIG_COMMAND_H
#define CONFIG_COMMAND_H

#include <stddef.h>

#include "base/options.h"
#include "config/config.h"
#include "control/messages.h"
#include "stats/page.h"

enum { COMMAND_PROPERTIES_MAX = 64 };

/* -X flags in the order given. */
struct property_flags {
	const char *items[COMMAND_PROPERTIES_MAX];
	size_t count;
};

void command_add_property(
	const struct program *program, struct property_flags *flags, const char *assignment);

/* The value of --driver: the control socket's descriptor. */
int command_driver(const struct program *program, const char *text);

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

/* Of a source or sink under the driver: its greeting. Reads the stage's sections of the
 * configuration into *config, maps the page; the link's descriptor is the caller's. At most
 * lanes_max lanes. */
struct greeting {
	struct message hello;
	struct page *page;
	int link;
};
void command_greeted(int driver, struct config *config, unsigned sections, unsigned lanes_max,
	struct greeting *greeting);

#endif
