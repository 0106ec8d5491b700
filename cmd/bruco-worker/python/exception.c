#include <Python.h>

#include "bruco-worker/python/exception.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "bruco-worker/python/import.h"

static PyObject *describe;

int exception_prepare(void)
{
	describe = import_attribute("bruco._exceptions", "describe");
	return describe == NULL ? -1 : 0;
}

void exception_take(struct exception *exception)
{
	PyObject *type, *value, *trace, *text = NULL;
	const char *name, *summary, *traceback;

	PyErr_Fetch(&type, &value, &trace);
	PyErr_NormalizeException(&type, &value, &trace);
	if (trace != NULL)
		PyException_SetTraceback(value, trace);
	if (describe != NULL)
		text = PyObject_CallFunctionObjArgs(describe, value, NULL);
	if (text != NULL && PyArg_ParseTuple(text, "yyy", &name, &summary, &traceback)) {
		*exception = (struct exception){mem_text(name), mem_text(summary),
			*traceback == '\0' ? NULL : mem_text(traceback)};
	} else {
		/* Out of memory, or Python is half started: the class has to suffice. */
		PyErr_Clear();
		name = ((PyTypeObject *)type)->tp_name;
		*exception = (struct exception){mem_text(name), mem_text(name), NULL};
	}
	Py_XDECREF(text);
	Py_XDECREF(type);
	Py_XDECREF(value);
	Py_XDECREF(trace);
}

void exception_release(struct exception *exception)
{
	free(exception->name);
	free(exception->summary);
	free(exception->traceback);
	*exception = (struct exception){0};
}

void exception_about(
	const struct frame_record *record, char topic[FRAME_TOPIC_MAX + 1], struct log_about *about)
{
	if (record->topic_length == 0)
		return;
	memcpy(topic, record->topic, record->topic_length);
	topic[record->topic_length] = '\0';
	about->topic = topic;
	about->partition = record->partition;
	about->offset = record->offset;
}
