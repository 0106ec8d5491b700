#include <Python.h>

#include "bruco-worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "bruco-worker/control.h"
#include "bruco-worker/idle_signals.h"
#include "bruco-worker/io/codec.h"
#include "bruco-worker/limits.h"
#include "bruco-worker/python/event_type.h"
#include "bruco-worker/python/exception.h"
#include "bruco-worker/python/exit_deadline.h"
#include "bruco-worker/python/fork_guard.h"
#include "bruco-worker/python/handler.h"
#include "bruco-worker/python/import.h"
#include "bruco-worker/python/interpreter.h"
#include "bruco-worker/python/signal_setup.h"
#include "bruco-worker/python/stacks.h"
#include "bruco-worker/python/timeout.h"
#include "bruco-worker/async/scheduler.h"
#include "bruco-worker/run/failure.h"
#include "bruco-worker/run/mode.h"
#include "bruco-worker/run/read_loop.h"
#include "bruco-worker/run/recycle.h"
#include "bruco-worker/run/result.h"
#include "config/environment.h"
#include "stage/greeting.h"

/* Takes everything but the control socket from the driver's first message. */
static void open_driven(struct worker *worker)
{
	struct greeting greeting;

	greeting_receive(&greeting, worker->control, HELLO_WORKER_FDS);
	worker->control = fd_move_high(worker->control);
	worker->number = greeting.hello.lane;
	worker->life = greeting.hello.life;
	snprintf(worker->name, sizeof worker->name, "worker-%u", worker->number);
	snprintf(worker->program, sizeof worker->program, "bruco-worker-%u", worker->number);
	log_set_fd(fd_move_high(greeting.fds[HELLO_LOG]));
	log_init(worker->program);
	log_set_format((enum log_format)greeting.hello.log_format);
	worker->in = fd_move_high(greeting.fds[HELLO_IN]);
	worker->out = fd_move_high(greeting.fds[HELLO_OUT]);
	worker->stacks = fd_move_high(greeting.fds[HELLO_STACKS]);
	worker->page = greeting_open(&greeting, &worker->config, SECTION_PROCESSOR);
}

/* Moves descriptors 0 and 1 away. The handler finds the terminal at 0, if there is one, so that
 * breakpoint() works, and prints to where the log goes. */
static void open_by_hand(struct worker *worker)
{
	snprintf(worker->name, sizeof worker->name, "worker-0");
	worker->in = fd_move_high(STDIN_FILENO);
	if (open("/dev/tty", O_RDWR | O_NOCTTY) < 0)
		fd_ensure_standard();
	worker->out = fd_move_high(STDOUT_FILENO);
	if (dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		die(status_of_error(errno), "cannot duplicate descriptor 2: %s", strerror(errno));
	worker->page = page_map(-1);
}

static bool is_stream(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 && (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode));
}

static int enter_directory(struct worker *worker)
{
	const struct processor_config *processor = &worker->config.processor;

	environment_export(&processor->env);
	if (chdir(processor->handler_path) < 0) {
		log_error("cannot enter the handler's folder '%s': %s", processor->handler_path,
			strerror(errno));
		return STATUS_CONFIG;
	}
	worker->directory = getcwd(NULL, 0);
	if (worker->directory == NULL)
		worker->directory = mem_text(processor->handler_path);
	return STATUS_OK;
}

static int check_text(const struct worker *worker)
{
	PyObject *parse = import_attribute("bruco._check", "parse");
	PyObject *why = NULL;
	int status = STATUS_SOFTWARE;

	if (parse != NULL)
		why = PyObject_CallFunction(parse, "ssN", worker->directory,
			worker->config.processor.module_name, modes_function_names());
	if (why == NULL) {
		PyErr_Print();
	} else {
		status = PyUnicode_GET_LENGTH(why) == 0 ? STATUS_OK : STATUS_CONFIG;
		if (status == STATUS_CONFIG)
			fprintf(stderr, "%s\n", PyUnicode_AsUTF8(why));
	}
	Py_XDECREF(parse);
	Py_XDECREF(why);
	return status;
}

/* Makes what is in it importable. 0, or -1 with an exception set. */
static int add_handlers_folder(const struct worker *worker)
{
	PyObject *add = import_attribute("bruco._modules", "add");
	PyObject *folder = PyUnicode_DecodeFSDefault(worker->directory);
	PyObject *done = add == NULL || folder == NULL ? NULL : PyObject_CallOneArg(add, folder);

	Py_XDECREF(add);
	Py_XDECREF(folder);
	Py_XDECREF(done);
	return done == NULL ? -1 : 0;
}

static int prepare_handler(struct worker *worker, struct handler *handler)
{
	struct exception exception;
	int status = enter_directory(worker);

	if (status == STATUS_OK)
		status = limits_apply(&worker->config.processor);
	if (status == STATUS_OK)
		status = interpreter_start(worker);
	if (status != STATUS_OK)
		return status;
	/* The handler's folder becomes importable last: a json.py of the handler's must not become
	 * the package's. */
	if (event_object_prepare() < 0 || modes_prepare() < 0 || result_prepare() < 0 ||
		timeout_prepare(worker) < 0 || signal_setup_python(worker) < 0 ||
		stacks_prepare(worker) < 0 || add_handlers_folder(worker) < 0) {
		exception_take(&exception);
		log_error("cannot prepare Python: %s", exception.summary);
		exception_release(&exception);
		return STATUS_SOFTWARE;
	}
	if (worker->check == CHECK_TEXT)
		return check_text(worker);
	status = modes_load_handler(handler, worker);
	if (status == STATUS_OK)
		status = failure_prepare(worker);
	if (status == STATUS_OK && worker->check == CHECK_NOTHING)
		status = handler_start(handler, worker);
	return status;
}

static int tell_ready(const struct worker *worker, const struct handler *handler)
{
	if (control_tell_ready(worker, mode_depth(handler, &worker->config.processor)) == 0)
		return STATUS_OK;
	log_error("cannot tell the driver: %s", strerror(errno));
	return STATUS_TEMPFAIL;
}

/* Runs all events. `handler` is NULL for a worker without a processor. */
static int serve(struct worker *worker, struct handler *handler)
{
	int status = recycle_prepare(worker);

	if (status == STATUS_OK)
		status = tell_ready(worker, handler);
	if (status != STATUS_OK)
		return status;
	status = read_loop_run(worker, handler, scheduler_run);
	if (worker->recycles)
		control_tell_recycle(worker);
	fd_close(&worker->out); /* so that the sink need not wait for Python to end */
	exit_deadline_set("close_context", worker->config.shutdown_timeout_ms, status);
	if (handler != NULL)
		handler_close(handler);
	return status;
}

int worker_run(struct worker *worker)
{
	struct handler handler = {0};
	bool runs_handler;
	int status = STATUS_OK;

	if (worker->driven)
		open_driven(worker);
	else
		open_by_hand(worker);
	log_set_worker(worker->name);
	worker->interactive =
		!worker->driven && (worker->codec != &codec_frames || !is_stream(worker->in));
	idle_signals_set(worker);
	fork_guard_install(worker);
	runs_handler = worker->config.processor.present;
	if (runs_handler)
		status = prepare_handler(worker, &handler);
	if (fork_guard_in_child)
		_exit(status); /* forked by the module or by init_context */
	if (status == STATUS_OK && worker->check == CHECK_NOTHING)
		status = serve(worker, runs_handler ? &handler : NULL);
	fd_close(&worker->out);
	handler_release(&handler);
	return status;
}
