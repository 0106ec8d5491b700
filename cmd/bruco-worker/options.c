#include "bruco-worker/options.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yaml.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "bruco-worker/io/codec.h"
#include "config/python.h"

static const char usage[] =
	"usage: bruco-worker [-qv] [--lines | --json | --check] [-d directory] [-m module]\n"
	"                    [--python path] [-c file]\n"
	"\n"
	"Reads frames, calls the Python function handle_event for each, writes frames.\n"
	"\n"
	"  -c, --config FILE      take the settings of this file (its processor section)\n"
	"  -d, --directory DIR    the handler's folder (default: .)\n"
	"  -m, --module NAME      the handler's module (default: handler)\n"
	"      --check            look at the handler, run no event and not init_context\n"
	"      --lines            read lines, each an event's value, and write lines\n"
	"      --json             read a record as a JSON object a line, and write such\n"
	"      --python PATH      run this Python, or the one of this virtual environment\n"
	"  -q, --quiet            log warnings and errors only\n"
	"  -v, --verbose          log debugging messages too\n"
	"      --log-format FMT   text or json\n"
	"      --help             show this and exit\n"
	"      --version          show the versions of bruco-worker, Python, libyaml and jansson\n";

static const char *python_version; /* "3.11.2 (main, ...) [GCC ...]" */

static void print_versions(void)
{
	if (python_version != NULL)
		printf("CPython %.*s\n", (int)strcspn(python_version, " "), python_version);
	printf("libyaml %s\njansson %s\n", yaml_get_version_string(), jansson_version_str());
}

static const struct program program = {"bruco-worker", usage, print_versions};

/* --driver, --document and --text are for `bruco` alone. */
enum { OPTION_LINES = OPTION_OWN, OPTION_JSON, OPTION_HANDLER, OPTION_TEXT, OPTION_DOCUMENT,
	OPTION_PYTHON };

struct flags {
	const char *config;
	const char *directory;
	const char *module;
	const char *python;
	const struct codec *codec;
	enum check check;
	int document; /* a descriptor: the configuration as config_dump writes it; -1: none */
	int control;  /* -1 by hand */
};

static void take_codec(struct flags *flags, const struct codec *codec)
{
	if (flags->codec != NULL && flags->codec != codec)
		options_misuse(&program, "--lines and --json exclude each other");
	flags->codec = codec;
}

static void parse(int argc, char **argv, struct flags *flags)
{
	static const struct option options[] = {
		OPTIONS_COMMON,
		{"config", required_argument, NULL, 'c'},
		{"directory", required_argument, NULL, 'd'},
		{"module", required_argument, NULL, 'm'},
		{"check", no_argument, NULL, OPTION_HANDLER},
		{"text", no_argument, NULL, OPTION_TEXT},
		{"document", required_argument, NULL, OPTION_DOCUMENT},
		{"lines", no_argument, NULL, OPTION_LINES},
		{"json", no_argument, NULL, OPTION_JSON},
		{"python", required_argument, NULL, OPTION_PYTHON},
		{"driver", required_argument, NULL, OPTION_DRIVER},
		{NULL, 0, NULL, 0},
	};
	int option;

	while ((option = options_next(argc, argv, "c:d:m:qv", options)) != -1) {
		if (options_common(&program, option))
			continue;
		switch (option) {
		case 'c':
			flags->config = optarg;
			break;
		case 'd':
			flags->directory = optarg;
			break;
		case 'm':
			flags->module = optarg;
			break;
		case OPTION_HANDLER:
			flags->check = CHECK_MODULE;
			break;
		case OPTION_TEXT:
			flags->check = CHECK_TEXT;
			break;
		case OPTION_DOCUMENT:
			flags->document = options_descriptor(&program, optarg);
			break;
		case OPTION_LINES:
			take_codec(flags, &codec_lines);
			break;
		case OPTION_JSON:
			take_codec(flags, &codec_json);
			break;
		case OPTION_PYTHON:
			flags->python = optarg;
			break;
		case OPTION_DRIVER:
			flags->control = options_descriptor(&program, optarg);
			break;
		}
	}
	if (optind < argc)
		options_misuse(&program, "unexpected argument '%s'", argv[optind]);
}

/* By hand the environment is inherited whole, but what source and sink use of it is none of the handler's
 * business. The values are overwritten, since /proc/self/environ shows that memory. */
static void forget_secrets(const struct texts *variables)
{
	for (size_t i = 0; i < variables->count; i++) {
		char *value = getenv(variables->items[i]);

		if (value != NULL)
			explicit_bzero(value, strlen(value));
		unsetenv(variables->items[i]);
	}
}

static void load_config(const char *path, int document, struct config *config)
{
	struct buf notes = {0};
	size_t mistakes = document >= 0
				  ? config_load_fd(config, document, SECTION_PROCESSOR, &notes)
				  : config_load(config, path, SECTION_PROCESSOR, &notes);

	mistakes += python_check(config, &notes);
	fd_write_all(STDERR_FILENO, notes.data, notes.length);
	buf_release(&notes);
	if (mistakes > 0)
		exit(STATUS_CONFIG);
	forget_secrets(&config->secret_variables);
}

/* Flags override the file. Without a file there is always a handler; with one there is a handler if
 * the file or a flag says so. */
static void settle_processor(const struct flags *flags, struct config *config)
{
	struct processor_config *processor = &config->processor;
	bool has_file = flags->config != NULL || flags->document >= 0;

	if (has_file)
		load_config(flags->config, flags->document, config);
	else
		processor->retry_attempts = 1; /* who tries a handler wants to see how it fails */
	if (!has_file || flags->directory != NULL || flags->module != NULL)
		processor->present = true;
	if (flags->directory != NULL)
		config_replace(&processor->handler_path, flags->directory);
	if (flags->module != NULL)
		config_replace(&processor->module_name, flags->module);
}

static void take_python(const struct flags *flags, struct config *config)
{
	char *folder, *path;

	if (flags->python == NULL)
		return;
	folder = getcwd(NULL, 0); /* the worker will leave it */
	path = flags->python[0] == '/' || folder == NULL ? mem_text(flags->python)
							  : mem_printf("%s/%s", folder, flags->python);
	config_replace(&config->processor.python, path);
	free(path);
	free(folder);
}

static const struct codec *choose_codec(const struct flags *flags)
{
	if (flags->check != CHECK_NOTHING && flags->codec != NULL)
		options_misuse(&program, "--check reads no input, neither lines nor JSON");
	if (flags->codec != NULL)
		return flags->codec;
	if (flags->check == CHECK_NOTHING && isatty(STDIN_FILENO))
		options_misuse(&program,
			"frames are not read from a terminal (see --lines and --json)");
	return &codec_frames;
}

void worker_options(int argc, char **argv, struct worker *worker, const char *python)
{
	struct flags flags = {.control = -1, .document = -1};

	python_version = python;
	*worker = (struct worker){.in = -1, .out = -1, .stacks = -1, .document = -1, .codec = &codec_frames};
	config_init(&worker->config);
	parse(argc, argv, &flags);
	worker->control = flags.control;
	worker->driven = flags.control >= 0;
	if (worker->driven) {
		take_python(&flags, &worker->config);
		return;
	}
	worker->check = flags.check;
	worker->document = flags.document;
	settle_processor(&flags, &worker->config);
	take_python(&flags, &worker->config);
	worker->codec = choose_codec(&flags);
	if (!worker->config.processor.present &&
		(flags.codec != NULL || flags.check != CHECK_NOTHING))
		options_misuse(&program, "'%s' has no processor to try", flags.config);
}
