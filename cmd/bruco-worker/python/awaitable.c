#include "bruco-worker/python/awaitable.h"

#include "bruco-worker/python/import.h"

int is_async_function(PyObject *function)
{
	PyObject *is_async = import_attribute("bruco._functions", "is_async");
	PyObject *answer = is_async == NULL ? NULL : PyObject_CallOneArg(is_async, function);
	int result = answer == NULL ? -1 : PyObject_IsTrue(answer);

	Py_XDECREF(is_async);
	Py_XDECREF(answer);
	return result;
}

bool may_wrap_async_function(PyObject *function)
{
	PyObject *may = import_attribute("bruco._functions", "may_return_awaitable");
	PyObject *answer = may == NULL ? NULL : PyObject_CallOneArg(may, function);
	bool result = answer == Py_True;

	PyErr_Clear();
	Py_XDECREF(may);
	Py_XDECREF(answer);
	return result;
}

bool is_awaitable(PyObject *result)
{
	const PyAsyncMethods *methods = Py_TYPE(result)->tp_as_async;

	return PyAsyncGen_CheckExact(result) || (methods != NULL && methods->am_await != NULL);
}
