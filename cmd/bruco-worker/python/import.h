/*
 * What C uses of Python modules: attributes by name, and references.
 */
#ifndef BRUCO_WORKER_PYTHON_IMPORT_H
#define BRUCO_WORKER_PYTHON_IMPORT_H

#include <Python.h>

/* Imports a module and reads an attribute of it, such as a function: a new reference, or NULL with
 * an exception set. */
PyObject *import_attribute(const char *module, const char *name);

/* Imports a module and sets an attribute of it. 0, or -1 with an exception set. */
int import_set_attribute(const char *module, const char *name, PyObject *value);

/* Python 3.10 has Py_XNewRef, 3.9 does not. */
static inline PyObject *new_reference(PyObject *object)
{
	Py_XINCREF(object);
	return object;
}

#endif
