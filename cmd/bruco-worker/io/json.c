/* JSON: an object a line is one event, an object a line one output; bruco-worker(1) has the keys.
 * The objects are read and written by bruco._records, with Python's own json module. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "bruco-worker/io/codec.h"

#include <stdio.h>
#include <string.h>

#include "bruco-worker/python/import.h"
#include "bruco-worker/python/exception.h"
#include "bruco-worker/python/headers.h"
#include "frame/limits.h"

static PyObject *parse;
static PyObject *print;

static int prepare(void)
{
	parse = import_attribute("bruco._records", "parse");
	print = import_attribute("bruco._records", "print_record");
	return parse == NULL || print == NULL ? -1 : 0;
}

/* What is wrong with a line, without the exception's class; kept until the next one. */
static enum frame_result bad_line(const char **why)
{
	static char text[512];
	struct exception exception;
	size_t name;

	exception_take(&exception);
	name = strlen(exception.name);
	snprintf(text, sizeof text, "not a record as JSON: %s",
		exception.summary + (exception.summary[name] == ':' ? name + 2 : 0));
	exception_release(&exception);
	*why = text;
	return FRAME_BAD;
}

/* fields: (topic, partition, offset, timestamp, key, value, headers), see bruco._records. */
static int record_of(PyObject *fields, struct frame_record *record, struct buf *headers)
{
	Py_ssize_t topic_length, key_length, value_length;
	long long offset, timestamp;
	const char *key, *value;
	PyObject *list;

	if (!PyArg_ParseTuple(fields, "y#iLLz#z#O!", &record->topic, &topic_length,
		    &record->partition, &offset, &timestamp, &key, &key_length, &value,
		    &value_length, &PyList_Type, &list))
		return -1;
	record->topic_length = (uint32_t)topic_length;
	record->origin_topic = NULL;
	record->offset = offset;
	record->timestamp = timestamp;
	record->key = (const uint8_t *)key;
	record->key_length = key == NULL ? FRAME_NULL : (int32_t)key_length;
	record->value = (const uint8_t *)value;
	record->value_length = value == NULL ? FRAME_NULL : (int32_t)value_length;
	if (headers_encode(headers, list) < 0)
		return -1;
	record->headers = headers->data;
	record->headers_length = (uint32_t)headers->length;
	record->header_count = (uint32_t)PyList_GET_SIZE(list);
	return 0;
}

static enum frame_result take_json(struct input *input, uint32_t cap, const uint8_t **frame,
	struct frame_record *record, const char **why)
{
	static struct buf headers;
	const uint8_t *line;
	size_t length;
	enum frame_result result = codec_next_line(input, limits_json(cap), &line, &length, why);
	PyObject *fields;

	if (result != FRAME_OK)
		return result;
	*record = (struct frame_record){.head = {.type = FRAME_TYPE_RECORD, .flags = FRAME_LAST}};
	record->head.seq = input->position;
	fields = PyObject_CallFunction(parse, "y#", (const char *)line, (Py_ssize_t)length);
	if (fields == NULL || record_of(fields, record, &headers) < 0)
		result = bad_line(why);
	else
		result = codec_encode_frame(record, cap, frame, why);
	Py_XDECREF(fields);
	return result;
}

static PyObject *list_headers(const struct frame_record *record)
{
	PyObject *list = PyList_New((Py_ssize_t)record->header_count);
	const uint8_t *at = record->headers;

	for (uint32_t i = 0; list != NULL && i < record->header_count; i++) {
		struct frame_header header;
		PyObject *pair;

		frame_header_next(&at, &header);
		pair = Py_BuildValue("y#y#", header.name, (Py_ssize_t)header.name_length,
			(const char *)header.value,
			(Py_ssize_t)(header.value_length > 0 ? header.value_length : 0));
		if (pair == NULL)
			Py_CLEAR(list);
		else
			PyList_SET_ITEM(list, (Py_ssize_t)i, pair);
	}
	return list;
}

static int give_json(const struct frame_record *record, struct buf *out)
{
	PyObject *headers = list_headers(record);
	PyObject *line = NULL;

	if (headers != NULL)
		line = PyObject_CallFunction(print, "y#iLLy#y#O", record->topic,
			(Py_ssize_t)record->topic_length, (int)record->partition,
			(long long)record->offset, (long long)record->timestamp,
			(const char *)record->key,
			(Py_ssize_t)(record->key_length > 0 ? record->key_length : 0),
			(const char *)record->value,
			(Py_ssize_t)(record->value_length > 0 ? record->value_length : 0), headers);
	Py_XDECREF(headers);
	if (line == NULL)
		return -1;
	buf_append(out, PyBytes_AS_STRING(line), (size_t)PyBytes_GET_SIZE(line));
	buf_byte(out, '\n');
	Py_DECREF(line);
	return 0;
}

const struct codec codec_json = {
	.unit = "line", .prepare = prepare, .read = take_json, .write = give_json};
