/*
 * The Python side of the worker: the builtin module _bruco, through which the bruco package logs,
 * and that package's functions, for C.
 */
#ifndef BRUCO_WORKER_PYTHON_BUILTIN_MODULE_H
#define BRUCO_WORKER_PYTHON_BUILTIN_MODULE_H

#include <Python.h>

/* Where the package is: PREFIX/lib/bruco/python beside PREFIX/bin. Owned by the caller. */
char *package_folder(void);

void package_register(void); /* before Python starts: makes _bruco importable */

/* Sends logging, warnings and prints their way. 0, or -1 with an exception set. */
int package_prepare(void);

/* A function of a module of the package: a new reference, or NULL with an exception set. */
PyObject *package_function(const char *module, const char *name);

/* Sets a variable of such a module. 0, or -1 with an exception set. */
int package_set(const char *module, const char *name, PyObject *value);

/* Python 3.10 has Py_XNewRef, 3.9 has not. */
static inline PyObject *new_reference(PyObject *object)
{
	Py_XINCREF(object);
	return object;
}

#endif
