#include "bruco-worker/front.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/self.h"
#include "base/status.h"
#include "bruco-worker/idle_signals.h"
#include "bruco-worker/python/python_home.h"
#include "config/dump.h"
#include "config/environment.h"

/* A descriptor with the configuration as it was read: its file may be a pipe. */
static int pass_document(const struct worker *worker)
{
	struct buf text = {0};
	int document = worker->document;

	if (document < 0) {
		config_dump(&worker->config, SECTION_PROCESSOR, false, &text);
		document = fd_memory("configuration", text.data, text.length);
		buf_wipe(&text);
	}
	if (document < 0 || lseek(document, 0, SEEK_SET) < 0 || fcntl(document, F_SETFD, 0) < 0)
		die(status_of_error(errno), "cannot pass the configuration on: %s", strerror(errno));
	return document;
}

static _Noreturn void execute(const struct worker *worker, const char *python, int argc, char **argv)
{
	const char *first[] = {python, "-I", "-X", "utf8", self_beside("../lib/bruco/worker.py")};
	const size_t firsts = sizeof first / sizeof first[0];
	const char **arguments = mem_array(firsts + (size_t)argc + 2, sizeof *arguments);
	size_t count = firsts;

	memcpy(arguments, first, sizeof first);
	if (worker->document >= 0) {
		pass_document(worker);
	} else if (worker->config.path != NULL) {
		arguments[count++] = "--document";
		arguments[count++] = mem_printf("%d", pass_document(worker));
	}
	for (int i = 1; i < argc; i++)
		arguments[count++] = argv[i];
	environment_export(&worker->config.processor.env); /* a dumped configuration does not have them */
	idle_signals_block();
	execv(python, (char *const *)(size_t)arguments); /* exec(2) changes none of them */
	die(STATUS_CONFIG, "cannot run '%s': %s", python, strerror(errno));
}

void front_execute_other(const struct worker *worker, int argc, char **argv)
{
	struct python python;

	if (!worker->driven && !worker->config.processor.present)
		return;
	if (python_home_find(worker, false, &python) != STATUS_OK)
		return;
	if (!python.embedded)
		execute(worker, python.executable, argc, argv);
	python_release(&python);
}

_Noreturn void front_execute(const struct worker *worker, int argc, char **argv)
{
	struct python python;
	char why[PYTHON_WHY_MAX];

	/* without packages any Python will do, and whom no handler is for needs one that has the module */
	if (worker->check == CHECK_TEXT || (!worker->driven && !worker->config.processor.present)) {
		if (!python_find_own(&python, why))
			die(STATUS_CONFIG, "%s", why);
	} else if (python_home_find(worker, true, &python) != STATUS_OK) {
		exit(STATUS_CONFIG);
	}
	execute(worker, python.executable, argc, argv);
}
