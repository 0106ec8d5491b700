/*
 * The context that handlers get: `logger`, `worker_name`, and whatever they set on it. One a
 * worker, for as long as the worker lives.
 */
#ifndef WORKER_CONTEXT_H
#define WORKER_CONTEXT_H

#include <Python.h>

/* A new reference, or NULL with an exception set. */
PyObject *context_new(PyObject *logger, const char *worker_name);

#endif
