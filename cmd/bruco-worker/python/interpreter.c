#include <Python.h>

#include "bruco-worker/python/interpreter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/self.h"
#include "base/signals.h"
#include "base/status.h"
#include "bruco-worker/python/builtin_module.h"
#include "bruco-worker/python/exception.h"
#include "bruco-worker/python/exit_deadline.h"
#include "bruco-worker/python/import.h"
#include "bruco-worker/python/python_home.h"

enum { STOP_MS = 5000 };

static struct {
	bool running; /* and usable */
	bool ours;    /* started here */
	PyThreadState *paused;
} interpreter;

static int start_failed(PyStatus status)
{
	if (status.func != NULL)
		log_error("cannot start Python: %s: %s", status.func, status.err_msg);
	else
		log_error("cannot start Python: %s", status.err_msg);
	return STATUS_SOFTWARE;
}

static PyStatus preinitialize(void)
{
	PyPreConfig preconfig;

	PyPreConfig_InitIsolatedConfig(&preconfig);
	preconfig.utf8_mode = 1;
#ifdef __SANITIZE_ADDRESS__
	preconfig.allocator =
		PYMEM_ALLOCATOR_MALLOC; /* so that the sanitizer sees Python's objects */
#endif
	return Py_PreInitialize(&preconfig);
}

static PyStatus initialize(const char *executable, bool interactive)
{
	char *arguments[] = {(char *)"bruco-worker", NULL};
	PyConfig config;
	PyStatus status;

	PyConfig_InitIsolatedConfig(&config);
	config.install_signal_handlers = interactive;
	config.parse_argv = 0;
	status = PyConfig_SetBytesArgv(&config, 1, arguments);
	if (!PyStatus_Exception(status))
		status = PyConfig_SetBytesString(&config, &config.program_name, executable);
	if (!PyStatus_Exception(status))
		status = PyConfig_SetBytesString(&config, &config.executable, executable);
	/* The standard library is the embedded Python's own, whatever Python made the environment.
	 */
	if (!PyStatus_Exception(status))
		status = PyConfig_SetBytesString(&config, &config.home, python_own_home());
	if (!PyStatus_Exception(status))
		status = Py_InitializeFromConfig(&config);
	PyConfig_Clear(&config);
	return status;
}

/* PREFIX/lib/bruco/python beside PREFIX/bin. Owned by the caller. */
static char *package_folder(void)
{
	char *beside = self_beside("../lib/bruco/python");
	char *folder = beside == NULL ? NULL : realpath(beside, NULL);

	if (folder == NULL)
		return beside == NULL ? mem_text("../lib/bruco/python") : beside;
	free(beside);
	return folder;
}

/* Puts a folder first on sys.path. 0, or -1 with an exception set. */
static int add_path(const char *folder)
{
	PyObject *path = PySys_GetObject("path"); /* borrowed */
	PyObject *text = PyUnicode_DecodeFSDefault(folder);
	int result = path == NULL || text == NULL ? -1 : PyList_Insert(path, 0, text);

	Py_XDECREF(text);
	return result;
}

/* Makes the bruco package importable. */
static int add_package(const struct processor_config *processor)
{
	char *folder = package_folder();
	struct exception exception;
	int status = STATUS_OK;

	if (add_path(folder) < 0 || builtin_module_prepare(processor) < 0) {
		exception_take(&exception);
		log_error("cannot use the bruco package in '%s': %s", folder, exception.summary);
		exception_release(&exception);
		status = STATUS_SOFTWARE;
	}
	free(folder);
	return status;
}

/* STATUS_OK, or an exit status, having logged why. */
static int start_python(const struct worker *worker)
{
	struct python python = {0};
	PyStatus started;
	int status = STATUS_OK;

	if (worker->check == CHECK_TEXT) /* without packages any Python will do */
		python.executable = mem_text(python_own());
	else
		status = python_home_find(worker, true, &python);
	if (status != STATUS_OK)
		return status;
	started = preinitialize();
	if (!PyStatus_Exception(started))
		started = initialize(python.executable, worker->interactive);
	python_release(&python);
	if (PyStatus_Exception(started))
		return start_failed(started);
	interpreter.ours = true;
	return STATUS_OK;
}

/* A Python that was there before has made its sys.stdout for another file, by hand. */
static int renew_streams(const struct worker *worker)
{
	PyObject *stream = PySys_GetObject("stdout"), *method, *none, *changes, *done = NULL; /* borrowed */

	if (worker->driven || stream == NULL || stream == Py_None)
		return 0;
	method = PyObject_GetAttrString(stream, "reconfigure");
	none = PyTuple_New(0);
	changes = Py_BuildValue("{sO}", "line_buffering", isatty(STDOUT_FILENO) ? Py_True : Py_False);
	if (method != NULL && none != NULL && changes != NULL)
		done = PyObject_Call(method, none, changes);
	Py_XDECREF(method);
	Py_XDECREF(none);
	Py_XDECREF(changes);
	Py_XDECREF(done);
	if (done != NULL)
		return 0;
	PyErr_Print();
	return -1;
}

/* A Python that was there before has read the variables already. */
static int renew_variables(const struct worker *worker)
{
	const struct settings *env = &worker->config.processor.env;
	PyObject *variables = env->count == 0 ? NULL : import_attribute("os", "environ");
	int result = env->count > 0 && variables == NULL ? -1 : 0;

	for (size_t i = 0; i < env->count && result == 0; i++) {
		PyObject *value = PyUnicode_DecodeFSDefault(env->items[i].value);

		result = value == NULL ? -1 : PyMapping_SetItemString(variables, env->items[i].name, value);
		Py_XDECREF(value);
	}
	Py_XDECREF(variables);
	if (result < 0)
		PyErr_Print();
	return result;
}

int interpreter_start(const struct worker *worker)
{
	int status = STATUS_OK;

	/* What C libraries print becomes log lines: a line at a time, not when a buffer is full. */
	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
	if (builtin_module_register() < 0) {
		log_error("cannot make the module _bruco importable");
		return STATUS_SOFTWARE;
	}
	if (!Py_IsInitialized())
		status = start_python(worker);
	else if (renew_streams(worker) < 0 || renew_variables(worker) < 0)
		status = STATUS_SOFTWARE;
	if (status != STATUS_OK)
		return status;
	interpreter.running = true;
	return add_package(&worker->config.processor);
}

static int last_status;

static _Noreturn void leave(void)
{
	fflush(NULL);
	if (last_status > 128)
		signals_die(last_status - 128);
	_exit(last_status);
}

_Noreturn void interpreter_stop(int status)
{
	last_status = status;
	if (interpreter.ours) {
		exit_deadline_set("Python", STOP_MS, status);
		Py_FinalizeEx();
	}
	leave();
}

void interpreter_stop_later(int status)
{
	last_status = status;
	exit_deadline_set("Python", STOP_MS, status);
	if (Py_AtExit(leave) < 0) /* all places are taken: without what `atexit` has */
		leave();
}

void interpreter_pause(void)
{
	if (interpreter.running)
		interpreter.paused = PyEval_SaveThread();
}

void interpreter_resume(void)
{
	if (interpreter.running)
		PyEval_RestoreThread(interpreter.paused);
}

bool interpreter_interrupted(void)
{
	if (!interpreter.running || PyErr_CheckSignals() == 0)
		return false;
	if (PyErr_ExceptionMatches(PyExc_KeyboardInterrupt)) {
		PyErr_Clear();
		return true;
	}
	PyErr_WriteUnraisable(NULL); /* raised by a signal handler of the user's */
	return false;
}
