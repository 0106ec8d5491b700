#include <Python.h>

#include "context.h"

#include <stddef.h>
#include <structmember.h>

struct context {
	PyObject_HEAD PyObject *attributes; /* the free ones: __dict__ */
	PyObject *logger;
	PyObject *worker_name;
};

static int traverse(PyObject *self, visitproc visit, void *arg)
{
	struct context *context = (struct context *)self;

	Py_VISIT(Py_TYPE(self));
	Py_VISIT(context->attributes);
	Py_VISIT(context->logger);
	Py_VISIT(context->worker_name);
	return 0;
}

static int clear(PyObject *self)
{
	struct context *context = (struct context *)self;

	Py_CLEAR(context->attributes);
	Py_CLEAR(context->logger);
	Py_CLEAR(context->worker_name);
	return 0;
}

static void deallocate(PyObject *self)
{
	PyTypeObject *type = Py_TYPE(self);

	PyObject_GC_UnTrack(self);
	clear(self);
	type->tp_free(self);
	Py_DECREF(type);
}

static PyMemberDef members[] = {
	{"__dictoffset__", T_PYSSIZET, offsetof(struct context, attributes), READONLY, NULL},
	{"logger", T_OBJECT_EX, offsetof(struct context, logger), 0,
		"the handler's logging.Logger"},
	{"worker_name", T_OBJECT_EX, offsetof(struct context, worker_name), READONLY,
		"which worker this is: 'worker-0' and so on"},
	{NULL, 0, 0, 0, NULL},
};

static PyGetSetDef computed[] = {
	{"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
	{NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
	{Py_tp_doc,
		(void *)"What a worker knows: logger, worker_name, and what handlers keep on it."},
	{Py_tp_traverse, (void *)traverse},
	{Py_tp_clear, (void *)clear},
	{Py_tp_dealloc, (void *)deallocate},
	{Py_tp_members, members},
	{Py_tp_getset, computed},
	{0, NULL},
};

static PyType_Spec spec = {
	.name = "bruco.Context",
	.basicsize = sizeof(struct context),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
	.slots = slots,
};

PyObject *context_new(PyObject *logger, const char *worker_name)
{
	PyObject *type = PyType_FromSpec(&spec);
	PyObject *self = type == NULL ? NULL : PyType_GenericAlloc((PyTypeObject *)type, 0);
	struct context *context = (struct context *)self;

	Py_XDECREF(type); /* the object holds it now */
	if (self == NULL)
		return NULL;
	Py_INCREF(logger);
	context->logger = logger;
	context->worker_name = PyUnicode_FromString(worker_name);
	if (context->worker_name == NULL)
		Py_CLEAR(self);
	return self;
}
