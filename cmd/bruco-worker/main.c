#include <Python.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yaml.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/options.h"
#include "base/signals.h"
#include "base/status.h"
#include "base/text.h"
#include "bruco-worker/io/codec.h"
#include "bruco-worker/worker.h"
#include "config/virtualenv.h"

static const char usage[] =
	"usage: bruco-worker [-qv] [--lines | --json | --check] [-d directory] [-m module] [-c "
	"file]\n"
	"\n"
	"Reads frames, calls the Python function handle_event for each, writes frames.\n"
	"\n"
	"  -c, --config FILE      take the settings of this file (its processor section)\n"
	"  -d, --directory DIR    the handler's folder (default: .)\n"
	"  -m, --module NAME      the handler's module (default: handler)\n"
	"      --check            look at the handler, run no event and not init_context\n"
	"      --lines            read lines, each an event's value, and write lines\n"
	"      --json             read a record as a JSON object a line, and write such\n"
	"  -q, --quiet            log warnings and errors only\n"
	"  -v, --verbose          log debugging messages too\n"
	"      --log-format FMT   text or json\n"
	"      --help             show this and exit\n"
	"      --version          show the versions of bruco-worker, Python and libyaml\n";

static void print_versions(void)
{
	const char *version = Py_GetVersion(); /* "3.11.2 (main, ...) [GCC ...]" */

	printf("CPython %.*s\n", (int)strcspn(version, " "), version);
	printf("libyaml %s\n", yaml_get_version_string());
}

static const struct program program = {"bruco-worker", usage, print_versions};

/* As with --driver, `bruco` alone uses --document and --text. */
enum { OPTION_LINES = OPTION_OWN, OPTION_JSON, OPTION_HANDLER, OPTION_TEXT, OPTION_DOCUMENT };

struct flags {
	const char *config;
	const char *directory;
	const char *module;
	const struct codec *codec;
	enum check check;
	int document; /* a descriptor: the configuration as config_dump writes it; -1: none */
	int control;  /* -1 by hand */
};

static void take_format(struct flags *flags, const struct codec *codec)
{
	if (flags->codec != NULL && flags->codec != codec)
		options_misuse(&program, "--lines and --json exclude each other");
	flags->codec = codec;
}

static int descriptor(const char *text, const char *option)
{
	int64_t number;

	if (!text_integer(text, 3, INT_MAX, &number))
		options_misuse(&program, "%s takes a descriptor", option);
	return (int)number;
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
		{"driver", required_argument, NULL, OPTION_DRIVER},
		{NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "c:d:m:qv", options, NULL)) != -1) {
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
			flags->document = descriptor(optarg, "--document");
			break;
		case OPTION_LINES:
			take_format(flags, &codec_lines);
			break;
		case OPTION_JSON:
			take_format(flags, &codec_json);
			break;
		case OPTION_DRIVER:
			flags->control = descriptor(optarg, "--driver");
			break;
		}
	}
	if (optind < argc)
		options_misuse(&program, "unexpected argument '%s'", argv[optind]);
}

static void load_config(const char *path, int document, struct config *config)
{
	struct buf notes = {0};
	size_t mistakes = document >= 0
				  ? config_load_fd(config, document, SECTION_PROCESSOR, &notes)
				  : config_load(config, path, SECTION_PROCESSOR, &notes);

	mistakes += virtualenv_check(config, PY_MAJOR_VERSION, PY_MINOR_VERSION, &notes);
	fd_write_all(STDERR_FILENO, notes.data, notes.length);
	buf_release(&notes);
	if (mistakes > 0)
		exit(STATUS_CONFIG);
}

/* Flags override the file. Without a file there is always a handler, with one only if it says so
 * or a flag does. */
static void settle(struct worker *worker, const struct flags *flags)
{
	struct processor_config *processor = &worker->config.processor;

	if (flags->config != NULL || flags->document >= 0)
		load_config(flags->config, flags->document, &worker->config);
	else
		processor->retry_attempts = 1; /* who tries a handler wants to see how it fails */
	if ((flags->config == NULL && flags->document < 0) || flags->directory != NULL ||
		flags->module != NULL)
		processor->present = true;
	if (flags->directory != NULL)
		config_replace(&processor->handler_path, flags->directory);
	if (flags->module != NULL)
		config_replace(&processor->module_name, flags->module);
	if (flags->check != CHECK_NOTHING && flags->codec != NULL)
		options_misuse(&program, "--check reads no input, neither lines nor JSON");
	worker->check = flags->check;
	if (flags->codec == NULL && flags->check == CHECK_NOTHING) {
		worker->codec = &codec_frames;
		if (isatty(STDIN_FILENO))
			options_misuse(&program,
				"frames are not read from a terminal (see --lines and --json)");
		return;
	}
	worker->codec = flags->check != CHECK_NOTHING ? &codec_frames : flags->codec;
	if (!processor->present)
		options_misuse(&program, "'%s' has no processor to try", flags->config);
}

int main(int argc, char **argv)
{
	struct flags flags = {.control = -1, .document = -1};
	struct worker worker = {.in = -1, .out = -1, .control = -1};

	signals_reset();
	fd_ensure_standard();
	log_init(program.name);
	parse(argc, argv, &flags);
	config_init(&worker.config);
	worker.driven = flags.control >= 0;
	worker.control = flags.control;
	worker.codec = &codec_frames;
	if (!worker.driven)
		settle(&worker, &flags);
	worker_run(&worker);
}
