#include <Python.h>

#include "exception.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "package.h"

static PyObject *describe;

int exception_prepare(void)
{
	describe = package_function("bruco._exceptions", "describe");
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
		/* Out of memory, or Python is half started: the class must do. */
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

void exception_log_event(const struct frame_record *record, const char *what)
{
	char topic[FRAME_TOPIC_MAX + 1];
	struct log_about about = {0};
	struct exception exception;
	char place[FRAME_TOPIC_MAX + 64];

	exception_take(&exception);
	exception_about(record, topic, &about);
	about.error = exception.name;
	about.traceback = exception.traceback;
	if (about.topic != NULL)
		snprintf(place, sizeof place, "%s[%d]@%lld", topic, (int)record->partition,
			(long long)record->offset);
	else
		snprintf(place, sizeof place, "record %llu", (unsigned long long)record->head.seq);
	log_about(LEVEL_ERROR, &about, "%s %s (%s, attempt %u)", what, exception.summary, place,
		record->head.attempt + 1U);
	exception_release(&exception);
}
