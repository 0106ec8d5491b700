#include "bruco-worker/python/event_loop.h"

#include "base/log.h"
#include "base/status.h"
#include "bruco-worker/python/import.h"
#include "bruco-worker/python/timeout.h"

static PyObject *loop;
static bool (*code_may_be_interrupted)(void); /* NULL: the task that runs tells */

/* Takes the function over, which may be NULL. */
static PyObject *call_with(PyObject *function, const char *format, va_list list)
{
	PyObject *arguments = function == NULL ? NULL : Py_VaBuildValue(format, list);
	PyObject *result = arguments == NULL ? NULL : PyObject_CallObject(function, arguments);

	Py_XDECREF(arguments);
	Py_XDECREF(function);
	return result;
}

static PyObject *call_async_module(const char *name, const char *format, ...)
{
	PyObject *result;
	va_list list;

	va_start(list, format);
	result = call_with(import_attribute("bruco._async", name), format, list);
	va_end(list);
	return result;
}

PyObject *event_loop_ask(const char *method, const char *format, ...)
{
	PyObject *result;
	va_list list;

	va_start(list, format);
	result = call_with(PyObject_GetAttrString(loop, method), format, list);
	va_end(list);
	return result;
}

void event_loop_must(PyObject *result)
{
	if (result != NULL) {
		Py_DECREF(result);
		return;
	}
	PyErr_Print();
	die(STATUS_SOFTWARE, "the event loop refuses its service");
}

PyObject *event_loop_get(void)
{
	if (loop == NULL)
		loop = call_async_module("make_loop", "()");
	return loop;
}

bool event_loop_exists(void)
{
	return loop != NULL;
}

PyObject *event_loop_run(PyObject *awaitable, int64_t timeout_ms)
{
	PyObject *timeout = timeout_new();
	PyObject *result = NULL;

	if (timeout != NULL && event_loop_get() != NULL)
		result = call_async_module(
			"run", "(OOdO)", loop, awaitable, (double)timeout_ms / 1000, timeout);
	Py_XDECREF(timeout);
	Py_DECREF(awaitable);
	return result;
}

int event_loop_wait(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	PyObject *found = call_async_module("wait", "(Oiid)", loop, fds[0].fd,
		count > 1 ? fds[1].fd : -1, (double)timeout_ms / 1000);
	long bits;

	if (found == NULL) {
		/* Ctrl-C, or SystemExit of a background task. */
		if (PyErr_ExceptionMatches(PyExc_KeyboardInterrupt))
			PyErr_SetInterrupt(); /* again, for the caller */
		else
			PyErr_WriteUnraisable(NULL);
		PyErr_Clear();
		return 0;
	}
	bits = PyLong_AsLong(found);
	Py_DECREF(found);
	fds[0].revents = (bits & 1) != 0 ? POLLIN : 0;
	if (count > 1)
		fds[1].revents = (bits & 2) != 0 ? POLLIN : 0;
	return bits != 0;
}

void event_loop_on_alarm(bool (*may_raise)(void))
{
	code_may_be_interrupted = may_raise;
}

bool event_loop_may_raise(void)
{
	PyObject *task;
	bool is_one;

	if (code_may_be_interrupted != NULL)
		return code_may_be_interrupted();
	if (loop == NULL)
		return true;
	task = call_async_module("current_task", "(O)", loop);
	is_one = task != NULL && task != Py_None;
	PyErr_Clear();
	Py_XDECREF(task);
	return is_one;
}

void event_loop_close(void)
{
	PyObject *done;

	if (loop == NULL)
		return;
	done = call_async_module("close", "(O)", loop);
	if (done == NULL)
		PyErr_WriteUnraisable(NULL);
	Py_XDECREF(done);
	Py_CLEAR(loop);
}
