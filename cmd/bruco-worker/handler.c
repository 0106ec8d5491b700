#include <Python.h>

#include "handler.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/status.h"
#include "context.h"
#include "exception.h"
#include "package.h"

/* The traceback, if there is one, then the last line. Takes the exception that is set. */
static int failed(int status, const char *what, const char *module)
{
	struct exception exception;
	struct log_about about = {0};

	exception_take(&exception);
	about.error = exception.name;
	about.traceback = exception.traceback;
	if (exception.traceback != NULL)
		log_about(LEVEL_ERROR, &about, "%s of '%s':", what, module);
	log_error("%s of '%s' failed: %s", what, module, exception.summary);
	exception_release(&exception);
	return status;
}

/* Whether the exception that is set says that the module itself (or the package it is in) is not
 * there, and not one that it imports. */
static bool module_is_missing(const char *module)
{
	PyObject *type, *value, *trace, *name;
	const char *text = NULL;
	bool missing = false;
	size_t length;

	if (!PyErr_ExceptionMatches(PyExc_ModuleNotFoundError))
		return false;
	PyErr_Fetch(&type, &value, &trace);
	PyErr_NormalizeException(&type, &value, &trace);
	name = PyObject_GetAttrString(value, "name");
	if (name != NULL && PyUnicode_Check(name))
		text = PyUnicode_AsUTF8(name);
	if (text != NULL) {
		length = strlen(text);
		missing = strncmp(module, text, length) == 0 &&
			  (module[length] == '\0' || module[length] == '.');
	}
	PyErr_Clear();
	Py_XDECREF(name);
	PyErr_Restore(type, value, trace);
	return missing;
}

static PyObject *import(const struct worker *worker, int *status)
{
	const char *name = worker->config.processor.module_name;
	PyObject *module = PyImport_ImportModule(name);

	if (module != NULL)
		return module;
	if (module_is_missing(name)) {
		PyErr_Clear();
		log_error("no module '%s' in '%s'", name, worker->directory);
		*status = STATUS_CONFIG;
	} else if (PyErr_ExceptionMatches(PyExc_SyntaxError)) {
		*status = failed(STATUS_CONFIG, "import", name);
	} else {
		*status = failed(STATUS_SOFTWARE, "import", name);
	}
	return NULL;
}

static PyObject *find_function(PyObject *module, const struct worker *worker, int *status)
{
	const char *name = worker->config.processor.module_name;
	PyObject *function = PyObject_GetAttrString(module, "handle_event");

	if (function != NULL && PyCallable_Check(function))
		return function;
	PyErr_Clear();
	if (function == NULL)
		log_error("no handle_event in module '%s' in '%s'", name, worker->directory);
	else
		log_error("handle_event in module '%s' is not a function", name);
	*status = STATUS_CONFIG;
	Py_XDECREF(function);
	return NULL;
}

static PyObject *make_context(const struct worker *worker)
{
	PyObject *get_logger = package_function("logging", "getLogger");
	PyObject *logger = NULL, *context = NULL;

	if (get_logger != NULL)
		logger = PyObject_CallFunction(
			get_logger, "s", worker->config.processor.module_name);
	if (logger != NULL)
		context = context_new(logger, worker->name);
	Py_XDECREF(get_logger);
	Py_XDECREF(logger);
	return context;
}

static int call_init_context(PyObject *module, PyObject *context, const char *name)
{
	PyObject *function = PyObject_GetAttrString(module, "init_context");
	PyObject *result;

	if (function == NULL && PyErr_ExceptionMatches(PyExc_AttributeError)) {
		PyErr_Clear();
		return STATUS_OK;
	}
	result = function == NULL ? NULL : PyObject_CallOneArg(function, context);
	Py_XDECREF(function);
	if (result == NULL)
		return failed(STATUS_SOFTWARE, "init_context", name);
	Py_DECREF(result);
	return STATUS_OK;
}

/* The module's close_context; NULL, without an exception, when it has none. */
static PyObject *find_close(PyObject *module)
{
	PyObject *function = PyObject_GetAttrString(module, "close_context");

	PyErr_Clear();
	return function;
}

/* `async def` gives something to wait for; NULL stays NULL. */
static PyObject *await_result(PyObject *result)
{
	PyObject *run, *awaited;

	if (result == NULL || !PyCoro_CheckExact(result))
		return result;
	run = package_function("asyncio", "run");
	awaited = run == NULL ? NULL : PyObject_CallOneArg(run, result);
	Py_XDECREF(run);
	Py_DECREF(result);
	return awaited;
}

void handler_close(struct handler *handler)
{
	PyObject *result;

	if (handler->close == NULL)
		return;
	result = await_result(PyObject_CallOneArg(handler->close, handler->context));
	if (result == NULL)
		failed(STATUS_SOFTWARE, "close_context", handler->module);
	Py_XDECREF(result);
}

int handler_load(struct handler *handler, const struct worker *worker)
{
	const char *name = worker->config.processor.module_name;
	int status = STATUS_OK;
	PyObject *module = import(worker, &status);

	*handler = (struct handler){0};
	if (module != NULL)
		handler->function = find_function(module, worker, &status);
	if (handler->function != NULL) {
		handler->context = make_context(worker);
		status = handler->context == NULL
				 ? failed(STATUS_SOFTWARE, "context", name)
				 : call_init_context(module, handler->context, name);
		handler->close = find_close(module);
		handler->module = name;
	}
	Py_XDECREF(module);
	return status;
}

void handler_release(struct handler *handler)
{
	Py_CLEAR(handler->function);
	Py_CLEAR(handler->close);
	Py_CLEAR(handler->context);
}
