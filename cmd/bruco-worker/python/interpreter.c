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
		status = PyConfig_SetBytesString(&config, &config.home, BRUCO_PYTHON_HOME);
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

/* Makes the bruco package importable. */
static int add_package(const struct processor_config *processor)
{
	char *folder = package_folder();
	struct exception exception;
	int status = STATUS_OK;

	if (interpreter_add_path(folder) < 0 || builtin_module_prepare(processor) < 0) {
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
	char *executable;
	PyStatus python;
	int status = python_home_executable(worker, &executable);

	if (status != STATUS_OK)
		return status;
	python = preinitialize();
	if (!PyStatus_Exception(python))
		python = initialize(executable, worker->interactive);
	free(executable);
	if (PyStatus_Exception(python))
		return start_failed(python);
	interpreter.ours = true;
	return STATUS_OK;
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
	if (status != STATUS_OK)
		return status;
	interpreter.running = true;
	return add_package(&worker->config.processor);
}

int interpreter_add_path(const char *folder)
{
	PyObject *path = PySys_GetObject("path"); /* borrowed */
	PyObject *text = PyUnicode_DecodeFSDefault(folder);
	int result = path == NULL || text == NULL ? -1 : PyList_Insert(path, 0, text);

	Py_XDECREF(text);
	return result;
}

_Noreturn void interpreter_stop(int status)
{
	if (interpreter.ours) {
		exit_deadline_set("Python", STOP_MS, status);
		Py_FinalizeEx();
	}
	fflush(NULL);
	if (status > 128)
		signals_die(status - 128);
	_exit(status);
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
