#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "bruco-worker/python/headers.h"

#include "frame/headers.h"

int headers_encode(struct buf *headers, PyObject *list, size_t most, size_t *size)
{
	*size = 0;
	buf_reset(headers);
	for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); i++) {
		struct frame_header header;
		Py_ssize_t name_length, value_length;
		const char *value;

		if (!PyArg_ParseTuple(PyList_GET_ITEM(list, i), "y#z#", &header.name, &name_length,
			    &value, &value_length))
			return -1;
		*size += 8 + (size_t)name_length + (value == NULL ? 0 : (size_t)value_length);
		if (*size > most)
			continue;
		header.name_length = (uint32_t)name_length;
		header.value = (const uint8_t *)value;
		header.value_length = value == NULL ? FRAME_NULL : (int32_t)value_length;
		headers_append(headers, &header);
	}
	return 0;
}
