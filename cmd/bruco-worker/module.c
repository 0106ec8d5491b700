/*
 * The worker as an extension module, for the Pythons that are not embedded: worker.py, which the user's
 * interpreter runs, loads it and calls main.
 */
#include <Python.h>

#include <stdlib.h>
#include <sys/prctl.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/self.h"
#include "bruco-worker/options.h"
#include "bruco-worker/python/interpreter.h"
#include "bruco-worker/worker.h"

/* Nothing of it is freed: it lasts as long as the process. */
static char **take_arguments(PyObject *list, int *count)
{
	Py_ssize_t length = PyList_Size(list);
	char **arguments = mem_array((size_t)(length < 0 ? 0 : length) + 1, sizeof *arguments);

	for (Py_ssize_t i = 0; i < length; i++) {
		PyObject *bytes;

		if (!PyUnicode_FSConverter(PyList_GetItem(list, i), &bytes))
			return NULL;
		arguments[i] = mem_text(PyBytes_AsString(bytes));
		Py_DECREF(bytes);
	}
	*count = (int)length;
	return length < 0 ? NULL : arguments;
}

/* Unlike the program it resets no signals: Python has set some, and worker_run sees to the others. */
static PyObject *run(PyObject *self, PyObject *arguments)
{
	struct worker worker;
	const char *program;
	PyObject *list;
	char **words;
	int count;

	(void)self;
	if (!PyArg_ParseTuple(arguments, "sO", &program, &list) ||
		(words = take_arguments(list, &count)) == NULL)
		return NULL;
	prctl(PR_SET_NAME, "bruco-worker");
	fd_ensure_standard();
	log_init("bruco-worker");
	self_is(mem_text(program));
	worker_options(count, words, &worker, Py_GetVersion());
	interpreter_stop_later(worker_run(&worker));
	Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
	{"main", run, METH_VARARGS, "main(program, arguments)\n\nRuns the worker, as `program` would."},
	{NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
	PyModuleDef_HEAD_INIT,
	.m_name = "_bruco_worker",
	.m_doc = "bruco-worker(1) as a module.",
	.m_size = -1,
	.m_methods = functions,
};

PyMODINIT_FUNC PyInit__bruco_worker(void);

PyMODINIT_FUNC PyInit__bruco_worker(void)
{
	return PyModule_Create(&definition);
}
