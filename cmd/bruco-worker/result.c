#include <Python.h>

#include "result.h"

#include "package.h"

static PyObject *to_json;

int result_prepare(void)
{
	to_json = package_function("bruco.encoding", "to_json");
	return to_json == NULL ? -1 : 0;
}

/* One output: the input's frame up to its value, then this value. */
static int append_value(struct buf *out, const uint8_t *frame, const struct frame_record *record,
	const void *value, Py_ssize_t length, uint32_t cap)
{
	uint32_t old = record->value_length > 0 ? (uint32_t)record->value_length : 0;
	uint32_t front = record->head.length - old;
	struct frame_record output;
	uint8_t *to;

	if ((uint64_t)length + front > cap) {
		PyErr_Format(PyExc_ValueError,
			"%zd bytes with key and headers are more than maxRecordSize, %u",
			length + (Py_ssize_t)front, cap);
		return -1;
	}
	output = *record;
	output.head.type = FRAME_TYPE_RECORD;
	output.head.flags |= FRAME_LAST;
	output.value_length = value == NULL ? FRAME_NULL : (int32_t)length;
	buf_reserve(out, front + (size_t)length);
	to = out->data + out->length;
	frame_record_write_front(to, &output, front + (uint32_t)length);
	memcpy(to + FRAME_RECORD, frame + FRAME_RECORD, front - FRAME_RECORD);
	if (length > 0)
		memcpy(to + front, value, (size_t)length);
	out->length += front + (size_t)length;
	return 1;
}

static int append_none(struct buf *out, const struct frame_record *record)
{
	buf_reserve(out, FRAME_HEADER + 8);
	out->length +=
		frame_empty_write(out->data + out->length, record->head.seq, record->head.seq);
	return 0;
}

static int append_text(struct buf *out, const uint8_t *frame, const struct frame_record *record,
	PyObject *text, uint32_t cap)
{
	Py_ssize_t length;
	const char *utf8 = PyUnicode_AsUTF8AndSize(text, &length);

	return utf8 == NULL ? -1 : append_value(out, frame, record, utf8, length, cap);
}

static int append_memoryview(struct buf *out, const uint8_t *frame,
	const struct frame_record *record, PyObject *result, uint32_t cap)
{
	PyObject *bytes = PyBytes_FromObject(result); /* also one with gaps */
	int outputs = -1;

	if (bytes != NULL)
		outputs = append_value(
			out, frame, record, PyBytes_AS_STRING(bytes), PyBytes_GET_SIZE(bytes), cap);
	Py_XDECREF(bytes);
	return outputs;
}

static int append_json(struct buf *out, const uint8_t *frame, const struct frame_record *record,
	PyObject *result, uint32_t cap)
{
	PyObject *text = PyObject_CallOneArg(to_json, result);
	int outputs = text == NULL ? -1 : append_text(out, frame, record, text, cap);

	Py_XDECREF(text);
	return outputs;
}

static int not_supported(PyObject *result)
{
	const char *what = PyGen_CheckExact(result) ? "a generator" : "a coroutine (async def)";
	PyObject *closed = PyObject_CallMethod(result, "close", NULL); /* or it warns */

	Py_XDECREF(closed);
	PyErr_Clear();
	PyErr_Format(PyExc_NotImplementedError, "%s is not supported yet", what);
	return -1;
}

int result_append(struct buf *out, const uint8_t *frame, const struct frame_record *record,
	PyObject *data, PyObject *result, uint32_t cap)
{
	if (result == data && record->value == NULL && PyByteArray_GET_SIZE(data) == 0)
		return append_value(out, frame, record, NULL, 0, cap);
	if (result == Py_None)
		return append_none(out, record);
	if (PyBytes_Check(result))
		return append_value(out, frame, record, PyBytes_AS_STRING(result),
			PyBytes_GET_SIZE(result), cap);
	if (PyByteArray_Check(result))
		return append_value(out, frame, record, PyByteArray_AS_STRING(result),
			PyByteArray_GET_SIZE(result), cap);
	if (PyUnicode_Check(result))
		return append_text(out, frame, record, result, cap);
	if (PyMemoryView_Check(result))
		return append_memoryview(out, frame, record, result, cap);
	if (PyCoro_CheckExact(result) || PyGen_CheckExact(result))
		return not_supported(result);
	return append_json(out, frame, record, result, cap);
}
