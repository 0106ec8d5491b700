#include "base/options.h"

#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "base/version.h"

static _Noreturn void try_help(const struct program *program)
{
	fprintf(stderr, "try '%s --help'\n", program->name);
	exit(STATUS_USAGE);
}

_Noreturn void options_misuse(const struct program *program, const char *format, ...)
{
	va_list arguments;
	char text[1024];

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	log_plain("%s", text);
	try_help(program);
}

int options_descriptor(const struct program *program, const char *text)
{
	int64_t number;

	if (!text_integer(text, STDERR_FILENO + 1, INT_MAX, &number))
		options_misuse(program, "'%s' is not a descriptor", text);
	return (int)number;
}

void options_begin(const struct program *program, char **argv)
{
	argv[0] = (char *)(uintptr_t)program->name; /* getopt changes no argument */
	optind = 0;
}

/* Checks that what was printed has arrived: --help into a full disk is not a success. */
static _Noreturn void end_of_output(void)
{
	exit(fflush(stdout) == 0 && !ferror(stdout) ? STATUS_OK : STATUS_UNAVAILABLE);
}

int options_next(int argc, char **argv, const char *letters, const struct option *options)
{
	if (optind > 1 || argc != 2 || strcmp(argv[1], "--list-options") != 0)
		return getopt_long(argc, argv, letters, options, NULL);
	for (; options->name != NULL; options++)
		printf("%c\t%s\t%d\n", options->val < OPTION_HELP ? options->val : '-',
			options->name, options->has_arg != no_argument);
	end_of_output();
}

bool options_common(const struct program *program, int option)
{
	enum log_format format;

	switch (option) {
	case OPTION_HELP:
		fputs(program->usage, stdout);
		end_of_output();
	case OPTION_VERSION:
		printf("%s %s\n", program->name, BRUCO_VERSION);
		if (program->print_versions != NULL)
			program->print_versions();
		end_of_output();
	case OPTION_LOG_FORMAT:
		if (!log_format_parse(optarg, &format))
			options_misuse(program, "unknown log format '%s' (text or json)", optarg);
		log_set_format(format);
		return true;
	case 'q':
		log_set_level(LEVEL_WARNING);
		return true;
	case 'v':
		log_set_level(LEVEL_DEBUG);
		return true;
	case '?':
	case ':':
		try_help(program);
	default:
		return false;
	}
}
