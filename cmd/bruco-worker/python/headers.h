/*
 * Headers from Python to a frame.
 */
#ifndef BRUCO_WORKER_PYTHON_HEADERS_H
#define BRUCO_WORKER_PYTHON_HEADERS_H

#include <Python.h>

#include "base/buf.h"

/* Encodes a list of (name, value or None), both bytes, into `headers`, which is emptied first. *size is what
 * all of them take; when that is more than `most`, which is less than 2^31, they are not encoded. Returns 0, or
 * -1 with an exception set. */
int headers_encode(struct buf *headers, PyObject *list, size_t most, size_t *size);

#endif
