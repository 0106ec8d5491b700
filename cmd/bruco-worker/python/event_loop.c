#include "bruco-worker/python/event_loop.h"

#include "base/log.h"
#include "base/status.h"
#include "bruco-worker/async/running.h"
#include "bruco-worker/async/scheduler.h"
#include "bruco-worker/python/builtin_module.h"
#include "bruco-worker/python/timeout.h"

static PyObject *loop;

/* Takes the function over, which may be NULL. */
static PyObject *call_with(PyObject *function, const char *format, va_list list)
{
	PyObject *arguments = function == NULL ? NULL : Py_VaBuildValue(format, list);
	PyObject *result = arguments == NULL ? NULL : PyObject_CallObject(function, arguments);

	Py_XDECREF(arguments);
	Py_XDECREF(function);
	return result;
}

static PyObject *call(const char *name, const char *format, ...)
{
	PyObject *result;
	va_list list;

	va_start(list, format);
	result = call_with(package_function("bruco._async", name), format, list);
	va_end(list);
	return result;
}

PyObject *async_ask(const char *method, const char *format, ...)
{
	PyObject *result;
	va_list list;

	va_start(list, format);
	result = call_with(PyObject_GetAttrString(loop, method), format, list);
	va_end(list);
	return result;
}

void async_must(PyObject *result)
{
	if (result != NULL) {
		Py_DECREF(result);
		return;
	}
	PyErr_Print();
	die(STATUS_SOFTWARE, "the event loop refuses its service");
}

int async_is_function(PyObject *function)
{
	/* Not of bruco._async: without async functions asyncio is never imported, which would take
	 * half of the worker's start and 8 MB. */
	PyObject *is_async = package_function("bruco._functions", "is_async");
	PyObject *answer = is_async == NULL ? NULL : PyObject_CallOneArg(is_async, function);
	int is = answer == NULL ? -1 : PyObject_IsTrue(answer);

	Py_XDECREF(is_async);
	Py_XDECREF(answer);
	return is;
}

bool async_may_be_behind(PyObject *function)
{
	PyObject *may = package_function("bruco._functions", "may_return_awaitable");
	PyObject *answer = may == NULL ? NULL : PyObject_CallOneArg(may, function);
	bool is = answer == Py_True;

	PyErr_Clear();
	Py_XDECREF(may);
	Py_XDECREF(answer);
	return is;
}

bool async_is_awaitable(PyObject *result)
{
	const PyAsyncMethods *methods = Py_TYPE(result)->tp_as_async;

	return PyAsyncGen_CheckExact(result) || (methods != NULL && methods->am_await != NULL);
}

PyObject *async_loop(void)
{
	if (loop == NULL)
		loop = call("make_loop", "()");
	return loop;
}

bool async_runs(void)
{
	return loop != NULL;
}

PyObject *async_run(PyObject *awaitable, int64_t timeout_ms)
{
	PyObject *timeout = timeout_new();
	PyObject *result = NULL;

	if (timeout != NULL && async_loop() != NULL)
		result = call("run", "(OOdO)", loop, awaitable, (double)timeout_ms / 1000, timeout);
	Py_XDECREF(timeout);
	Py_DECREF(awaitable);
	return result;
}

int async_wait(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	PyObject *found = call("wait", "(Oiid)", loop, fds[0].fd, count > 1 ? fds[1].fd : -1,
		(double)timeout_ms / 1000);
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
		fds[1].revents =
			(short)(((bits & 2) != 0 ? POLLHUP : 0) | ((bits & 4) != 0 ? POLLIN : 0));
	return bits != 0;
}

bool async_may_raise(void)
{
	PyObject *task;
	bool is_one;

	if (flights.loop != NULL)
		return running_may_raise();
	if (loop == NULL)
		return true;
	task = call("current_task", "(O)", loop);
	is_one = task != NULL && task != Py_None;
	PyErr_Clear();
	Py_XDECREF(task);
	return is_one;
}

void async_close(void)
{
	PyObject *done;

	if (loop == NULL)
		return;
	done = call("close", "(O)", loop);
	if (done == NULL)
		PyErr_WriteUnraisable(NULL);
	Py_XDECREF(done);
	Py_CLEAR(loop);
}
