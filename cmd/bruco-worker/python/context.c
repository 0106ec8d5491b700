#include <Python.h>

#include "bruco-worker/python/context.h"

#include "bruco-worker/python/import.h"

struct event *context_now;

static PyObject *variable; /* NULL unless calls overlap */

PyObject *context_new(PyObject *logger, const char *worker_name)
{
	PyObject *type = import_attribute("bruco", "Context");
	PyObject *context =
		type == NULL ? NULL : PyObject_CallFunction(type, "Os", logger, worker_name);

	if (context != NULL && import_set_attribute("bruco._context", "of_worker", context) < 0)
		Py_CLEAR(context);
	Py_XDECREF(type);
	return context;
}

int context_use_variable(void)
{
	variable = import_attribute("bruco._context", "variable");
	return variable == NULL ? -1 : 0;
}

PyObject *context_event(PyObject *module, PyObject *context)
{
	PyObject *event;

	(void)module;
	(void)context;
	if (context_now != NULL)
		return new_reference(event_object(context_now));
	if (variable == NULL)
		Py_RETURN_NONE;
	return PyContextVar_Get(variable, Py_None, &event) < 0 ? NULL : event;
}

const struct frame_record *context_record(void)
{
	const struct frame_record *record = NULL;
	PyObject *event;

	if (context_now != NULL)
		return context_now->record;
	if (variable == NULL)
		return NULL;
	event = context_event(NULL, NULL);
	if (event == NULL)
		PyErr_Clear();
	else if (event != Py_None)
		record = event_of_object(event).record;
	Py_XDECREF(event); /* the variable holds it */
	return record;
}
