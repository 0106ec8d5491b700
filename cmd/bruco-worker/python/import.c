#include "bruco-worker/python/import.h"

PyObject *import_attribute(const char *module, const char *name)
{
	PyObject *imported = PyImport_ImportModule(module);
	PyObject *attribute = imported == NULL ? NULL : PyObject_GetAttrString(imported, name);

	Py_XDECREF(imported);
	return attribute;
}

int import_set_attribute(const char *module, const char *name, PyObject *value)
{
	PyObject *imported = PyImport_ImportModule(module);
	int result = imported == NULL ? -1 : PyObject_SetAttrString(imported, name, value);

	Py_XDECREF(imported);
	return result;
}
