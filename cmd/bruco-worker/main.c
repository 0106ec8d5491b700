#include <Python.h>

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "base/options.h"
#include "bruco-worker/options.h"
#include "bruco-worker/python/interpreter.h"
#include "bruco-worker/worker.h"
#include "stage/stage.h"

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
	"      --version          show the versions of bruco-worker, Python, libyaml and jansson\n";

static void print_versions(void)
{
	const char *version = Py_GetVersion(); /* "3.11.2 (main, ...) [GCC ...]" */

	printf("CPython %.*s\n", (int)strcspn(version, " "), version);
	printf("libyaml %s\njansson %s\n", yaml_get_version_string(), jansson_version_str());
}

static const struct program program = {"bruco-worker", usage, print_versions};

int main(int argc, char **argv)
{
	struct worker worker;

	stage_begin(program.name);
	worker_options(&program, argc, argv, &worker);
	interpreter_stop(worker_run(&worker));
}
