/*
 * What all programs' command lines share: --help, --version, --log-format, -q and -v.
 */
#ifndef BASE_OPTIONS_H
#define BASE_OPTIONS_H

#include <getopt.h>
#include <stdbool.h>

/* Values of long options without a letter. */
enum {
	OPTION_HELP = 256,
	OPTION_VERSION,
	OPTION_LOG_FORMAT,
	OPTION_DRIVER,
	OPTION_CHECK,
	OPTION_OWN
};

/* For the array of struct option; the program adds its own and the closing zeros. */
#define OPTIONS_COMMON                                                                             \
	{"help", no_argument, NULL, OPTION_HELP}, {"version", no_argument, NULL, OPTION_VERSION},  \
		{"log-format", required_argument, NULL, OPTION_LOG_FORMAT},                        \
		{"quiet", no_argument, NULL, 'q'},                                                 \
	{                                                                                          \
		"verbose", no_argument, NULL, 'v'                                                  \
	}

struct program {
	const char *name;
	const char *usage;            /* the whole text of --help */
	void (*print_versions)(void); /* the libraries' lines of --version; may be NULL */
};

/* Call before options_next: its messages begin with the program's name, and it starts anew. */
void options_begin(const struct program *program, char **argv);

/* getopt_long(3). A command line of nothing but --list-options prints the options, a line each, "c<TAB>config
 * <TAB>1" with the letter or '-', the name, and whether a value follows, and exits: for tools/completions. */
int options_next(int argc, char **argv, const char *letters, const struct option *options);

/* Handles one of the options above; exits for --help and --version (stdout, 0) and for an unknown
 * option (getopt has printed why; then "try 'NAME --help'", 64). False: it is the program's own. */
bool options_common(const struct program *program, int option);

/* The descriptor that an option takes, above 2; what is none is a usage error. */
int options_descriptor(const struct program *program, const char *text);

/* A usage error: one plain line, "try 'NAME --help'", exit 64. */
_Noreturn void options_misuse(const struct program *program, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
