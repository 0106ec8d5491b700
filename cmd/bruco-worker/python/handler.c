#include <Python.h>

#include "bruco-worker/python/awaitable.h"
#include "bruco-worker/python/handler.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/status.h"
#include "bruco-worker/python/import.h"
#include "bruco-worker/python/context.h"
#include "bruco-worker/python/event_loop.h"
#include "bruco-worker/python/exception.h"

/* Logs the exception that is set, and clears it: the traceback, if there is one, then one last
 * line. */
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

/* Whether the exception that is set says that the module itself, or the package around it, is
 * missing, and not one that it imports. */
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

/* A function of the module; NULL, without an exception, when it has none of that name. */
static PyObject *find(PyObject *module, const char *name)
{
	PyObject *function = PyObject_GetAttrString(module, name);

	PyErr_Clear();
	return function;
}

/* STATUS_OK if `function` can be called with these arguments; else an exit status, having logged
 * why. */
static int check_function(
	PyObject *function, const char *name, const char *arguments, const struct worker *worker)
{
	PyObject *explain, *why = NULL;
	int status = STATUS_CONFIG;

	if (!PyCallable_Check(function)) {
		log_error("%s in module '%s' is not a function", name,
			worker->config.processor.module_name);
		return STATUS_CONFIG;
	}
	explain = import_attribute("bruco._functions", "explain_call");
	if (explain != NULL)
		why = PyObject_CallFunction(explain, "OsN", function, name,
			PyUnicode_Split(PyUnicode_FromString(arguments), NULL, -1));
	if (why != NULL && PyUnicode_GET_LENGTH(why) == 0)
		status = STATUS_OK;
	else if (why != NULL)
		log_error("%s", PyUnicode_AsUTF8(why));
	else
		status = failed(STATUS_SOFTWARE, name, worker->config.processor.module_name);
	Py_XDECREF(explain);
	Py_XDECREF(why);
	return status;
}

/* The one of these functions that the module has: sets handler->kind and handler->function. */
static int find_kind(struct handler *handler, PyObject *module, const struct worker *worker,
	const struct handler_function *const *kinds, int count)
{
	for (int i = 0; i < count; i++) {
		PyObject *function = find(module, kinds[i]->name);

		if (function == NULL)
			continue;
		if (handler->kind != NULL) {
			log_error("both %s and %s in module '%s'", handler->kind->name,
				kinds[i]->name, handler->module);
			Py_DECREF(function);
			return STATUS_CONFIG;
		}
		handler->kind = kinds[i];
		handler->function = function;
	}
	if (handler->kind != NULL)
		return STATUS_OK;
	log_error(
		"no %s in module '%s' in '%s'", kinds[0]->name, handler->module, worker->directory);
	return STATUS_CONFIG;
}

static int check_kind(struct handler *handler, const struct worker *worker)
{
	const struct handler_function *kind = handler->kind;
	int is_async;

	if (check_function(handler->function, kind->name, kind->arguments, worker) != STATUS_OK)
		return STATUS_CONFIG;
	is_async = is_async_function(handler->function);
	if (is_async < 0) {
		PyErr_Clear();
		return STATUS_CONFIG;
	}
	handler->is_async = is_async > 0;
	if (worker->config.processor.concurrency > 1 &&
		(!kind->may_overlap ||
			(!handler->is_async && !may_wrap_async_function(handler->function))))
		log_warning("processor.concurrency is %u, but there is no async def handle_event: "
			    "it has no effect",
			worker->config.processor.concurrency);
	return STATUS_OK;
}

static PyObject *make_context(const struct worker *worker)
{
	PyObject *make_logger = import_attribute("bruco._context", "make_logger");
	PyObject *logger = NULL, *context = NULL;

	if (make_logger != NULL)
		logger = PyObject_CallFunction(
			make_logger, "s", worker->config.processor.module_name);
	if (logger != NULL)
		context = context_new(logger, worker->name);
	Py_XDECREF(make_logger);
	Py_XDECREF(logger);
	return context;
}

/* Calls the function with the context, and awaits its result if need be. NULL with an exception
 * set. */
static PyObject *call_and_wait(PyObject *function, PyObject *context)
{
	PyObject *result = PyObject_CallOneArg(function, context);

	if (result != NULL && is_awaitable(result))
		return event_loop_run(result, 0);
	return result;
}

static int call_init_context(const struct handler *handler)
{
	PyObject *result;

	if (handler->init == NULL)
		return STATUS_OK;
	result = call_and_wait(handler->init, handler->context);
	if (result == NULL)
		return failed(STATUS_SOFTWARE, "init_context", handler->module);
	Py_DECREF(result);
	return STATUS_OK;
}

void handler_close(struct handler *handler)
{
	PyObject *result;

	if (handler->close == NULL)
		return;
	result = call_and_wait(handler->close, handler->context);
	if (result == NULL)
		failed(STATUS_SOFTWARE, "close_context", handler->module);
	Py_XDECREF(result);
}

/* Checks all that can be checked without calling any function. */
static int check_functions(struct handler *handler, const struct worker *worker)
{
	int status = check_kind(handler, worker);

	if (status == STATUS_OK && handler->init != NULL)
		status = check_function(handler->init, "init_context", "context", worker);
	if (status == STATUS_OK && handler->close != NULL)
		status = check_function(handler->close, "close_context", "context", worker);
	return status;
}

int handler_load(struct handler *handler, const struct worker *worker,
	const struct handler_function *const *kinds, int count)
{
	int status = STATUS_OK;
	PyObject *module = import(worker, &status);

	*handler = (struct handler){.module = worker->config.processor.module_name};
	if (module == NULL)
		return status;
	handler->init = find(module, "init_context");
	handler->close = find(module, "close_context");
	status = find_kind(handler, module, worker, kinds, count);
	if (status == STATUS_OK)
		status = check_functions(handler, worker);
	Py_DECREF(module);
	return status;
}

/* Puts what is to be called in the function's place: with OpenTelemetry it runs inside of spans. 0,
 * or -1 with an exception set. */
static int instrument(struct handler *handler)
{
	PyObject *wrap = import_attribute("bruco._trace", "instrument");
	PyObject *function = wrap == NULL ? NULL
					  : PyObject_CallFunction(wrap, "Os", handler->function,
						    handler->kind->name);

	Py_XDECREF(wrap);
	if (function == NULL)
		return -1;
	Py_SETREF(handler->function, function);
	return 0;
}

int handler_start(struct handler *handler, const struct worker *worker)
{
	if (import_set_attribute("bruco._exceptions", "handler", handler->function) == 0 &&
		instrument(handler) == 0)
		handler->context = make_context(worker);
	if (handler->context == NULL)
		return failed(STATUS_SOFTWARE, "context", handler->module);
	return call_init_context(handler);
}

void handler_release(struct handler *handler)
{
	event_loop_close();
	Py_CLEAR(handler->function);
	Py_CLEAR(handler->init);
	Py_CLEAR(handler->close);
	Py_CLEAR(handler->context);
}
