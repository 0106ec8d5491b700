#include "bruco-worker/front.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/self.h"
#include "base/status.h"
#include "bruco-worker/python/python_home.h"
#include "bruco-worker/python/signal_setup.h"
#include "config/dump.h"

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
	worker_set_variables(worker); /* a dumped configuration does not have them */
	signal_setup_block();
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
