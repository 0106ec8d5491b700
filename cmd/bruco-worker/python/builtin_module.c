#include <Python.h>

#include "bruco-worker/python/builtin_module.h"

#include "base/log.h"
#include "bruco-worker/python/context.h"
#include "bruco-worker/python/event_type.h"
#include "bruco-worker/python/exception.h"
#include "bruco-worker/python/import.h"
#include "bruco-worker/python/stacks.h"
#include "bruco-worker/python/timeout.h"
#include "config/config.h"

static unsigned long main_thread;

/* logging's numbers: 40 and above are errors (and critical), 30 warnings, 20 information. */
static enum log_level level_of(int number)
{
	if (number >= 40)
		return LEVEL_ERROR;
	if (number >= 30)
		return LEVEL_WARNING;
	return number >= 20 ? LEVEL_INFO : LEVEL_DEBUG;
}

static const char *or_null(const char *text)
{
	return *text == '\0' ? NULL : text;
}

/* log(level, message, error, traceback, fields): all bytes without NUL; the last three may be empty.
 */
static PyObject *log_entry_from_python(PyObject *self, PyObject *arguments)
{
	struct log_about about = {0};
	const struct frame_record *record = NULL;
	char topic[FRAME_TOPIC_MAX + 1];
	const char *message;
	int level;

	(void)self;
	if (!PyArg_ParseTuple(arguments, "iyyyy", &level, &message, &about.error, &about.traceback,
		    &about.fields))
		return NULL;
	about.error = or_null(about.error);
	about.traceback = or_null(about.traceback);
	about.fields = or_null(about.fields);
	if (PyThread_get_thread_ident() == main_thread)
		record = context_record();
	if (record != NULL)
		exception_about(record, topic, &about);
	/* The driver may be slow to read: other threads go on meanwhile. */
	Py_BEGIN_ALLOW_THREADS log_entry(level_of(level), &about, message);
	Py_END_ALLOW_THREADS Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
	{"log", log_entry_from_python, METH_VARARGS, "log(level, message, error, traceback, fields)"},
	{"current_event", context_event, METH_O, "current_event(context)"},
	{"stacks_shown", stacks_shown, METH_NOARGS, "stacks_shown()"},
	{"raise_timeout", timeout_raise, METH_VARARGS, "raise_timeout(signal, frame)"},
	{NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
	PyModuleDef_HEAD_INIT,
	.m_name = "_bruco",
	.m_doc = "What the bruco package needs of the worker that it runs in.",
	.m_size = -1,
	.m_methods = functions,
};

static PyObject *create(void)
{
	PyObject *module = PyModule_Create(&definition);
	PyObject *event = module == NULL ? NULL : event_object_type();

	if (event == NULL || PyObject_SetAttrString(module, "Event", event) < 0)
		Py_CLEAR(module);
	Py_XDECREF(event);
	return module;
}

int builtin_module_register(void)
{
	PyObject *module;
	int result;

	if (!Py_IsInitialized())
		return PyImport_AppendInittab("_bruco", create);
	module = create();
	result = module == NULL ? -1
				: PyDict_SetItemString(PyImport_GetModuleDict(), "_bruco", module);
	Py_XDECREF(module);
	return result;
}

/* The configured level as log lines name it; NULL: none is. */
static const char *configured_level(const struct processor_config *processor)
{
	if (processor->log_level == HANDLER_LOG_AUTO)
		return NULL;
	return log_level_name((enum log_level)(processor->log_level - HANDLER_LOG_ERROR));
}

int builtin_module_prepare(const struct processor_config *processor)
{
	PyObject *prepare = import_attribute("bruco._logging", "prepare");
	PyObject *done = NULL;

	if (prepare != NULL)
		done = PyObject_CallFunction(prepare, "sizs", log_level_name(log_level()),
			log_format() == FORMAT_JSON, configured_level(processor),
			processor->module_name);
	main_thread = PyThread_get_thread_ident();
	Py_XDECREF(prepare);
	Py_XDECREF(done);
	return done == NULL ? -1 : exception_prepare();
}
