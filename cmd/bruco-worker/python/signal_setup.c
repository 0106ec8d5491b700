#include <Python.h>

#include "bruco-worker/python/signal_setup.h"

#include "bruco-worker/idle_signals.h"
#include "bruco-worker/python/import.h"

static PyObject *list_idle(const struct worker *worker)
{
	int numbers[IDLE_SIGNALS];
	size_t count = idle_signals(worker, numbers);
	PyObject *signals = PyList_New(0);

	for (size_t i = 0; i < count && signals != NULL; i++) {
		PyObject *number = PyLong_FromLong(numbers[i]);

		if (number == NULL || PyList_Append(signals, number) < 0)
			Py_CLEAR(signals);
		Py_XDECREF(number);
	}
	return signals;
}

int signal_setup_python(const struct worker *worker)
{
	PyObject *prepare = import_attribute("bruco._signals", "prepare");
	PyObject *done = NULL;

	if (prepare != NULL)
		done = PyObject_CallFunction(
			prepare, "iN", worker->config.processor.timeout_ms > 0, list_idle(worker));
	idle_signals_set(worker); /* again, over Python's handlers */
	Py_XDECREF(prepare);
	Py_XDECREF(done);
	return done == NULL ? -1 : 0;
}
