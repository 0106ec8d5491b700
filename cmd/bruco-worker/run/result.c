#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "bruco-worker/run/result.h"

#include "bruco-worker/python/fork_guard.h"
#include "bruco-worker/python/headers.h"
#include "bruco-worker/python/import.h"
#include "frame/limits.h"

/* of bruco.encoding and other modules of the package */
static PyObject *encode, *too_large, *too_much, *returned, *kept;
static PyObject *failed_class, *failure_of, *yielded_by;

/* Appends the outputs of one event. */
struct appender {
	struct buf *out;
	struct event *event;
	uint32_t cap;
	int number; /* of the generator's next output, from 0; -1: the result is the only output */
};

int result_prepare(void)
{
	encode = import_attribute("bruco.encoding", "encode");
	too_large = import_attribute("bruco.encoding", "too_large");
	too_much = import_attribute("bruco.encoding", "too_much");
	returned = import_attribute("bruco.encoding", "returned");
	kept = import_attribute("bruco.encoding", "KEEP");
	failed_class = import_attribute("bruco", "Failed");
	failure_of = import_attribute("bruco._failures", "failure");
	yielded_by = import_attribute("bruco._exceptions", "yielded_by");
	return encode == NULL || too_large == NULL || too_much == NULL || returned == NULL ||
			       kept == NULL || failed_class == NULL || failure_of == NULL ||
			       yielded_by == NULL
		       ? -1
		       : 0;
}

bool result_is_failure(PyObject *result)
{
	PyObject *exception;

	if ((PyObject *)Py_TYPE(result) != failed_class)
		return false;
	exception = PyObject_CallOneArg(failure_of, result);
	if (exception != NULL)
		PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
	Py_XDECREF(exception);
	return true;
}

/* Calls a function that only raises. */
static int fail(PyObject *function, const char *format, ...)
{
	va_list arguments;
	PyObject *tuple, *none;

	va_start(arguments, format);
	tuple = Py_VaBuildValue(format, arguments);
	va_end(arguments);
	none = tuple == NULL ? NULL : PyObject_CallObject(function, tuple);
	Py_XDECREF(tuple);
	Py_XDECREF(none);
	return -1;
}

static int fail_too_large(const struct appender *appender, size_t size)
{
	if (appender->number < 0)
		return fail(too_large, "(nI)", (Py_ssize_t)size, appender->cap);
	return fail(too_large, "(nIi)", (Py_ssize_t)size, appender->cap, appender->number);
}

/* A single output is its input's last one. Which output of a generator is the last is only known
 * when it has ended: result_generate flags it then. */
static void set_flags(const struct appender *appender, struct frame_head *head, unsigned more)
{
	head->type = FRAME_TYPE_RECORD;
	head->flags = (uint16_t)((head->flags & FRAME_ROUTED) | more |
				 (appender->number < 0 ? FRAME_LAST : 0U));
}

/* Appends the input's frame with another value. */
static int append_value(const struct appender *appender, const void *value, Py_ssize_t length)
{
	const struct frame_record *record = appender->event->record;
	uint32_t front = frame_record_front(record);
	uint32_t behind = frame_record_behind(record);
	struct frame_record output = *record;
	size_t size = (size_t)length + front - record->topic_length;
	uint8_t *to;

	if (limits_check(size, record->headers, record->header_count, appender->cap) != LIMIT_KEPT)
		return fail_too_large(appender, size);
	size += record->topic_length + behind;
	set_flags(appender, &output.head, 0);
	output.system_length = 0; /* it came from nowhere */
	output.value_length = value == NULL ? FRAME_NULL : (int32_t)length;
	buf_reserve(appender->out, size);
	to = appender->out->data + appender->out->length;
	frame_record_write_front(to, &output, (uint32_t)size);
	memcpy(to + FRAME_RECORD, appender->event->frame + FRAME_RECORD, front - FRAME_RECORD);
	if (length > 0)
		memcpy(to + front, value, (size_t)length);
	if (behind > 0)
		memcpy(to + front + length, appender->event->frame + record->head.length - behind,
			behind);
	appender->out->length += size;
	return 1;
}

static int append_none(struct buf *out, const struct frame_record *record)
{
	buf_reserve(out, FRAME_HEADER + 8);
	out->length +=
		frame_empty_write(out->data + out->length, record->head.seq, record->head.seq);
	return 0;
}

/* ---- by the rules of bruco.encoding: an Output, (value, key, headers, timestamp, topic,
 * partition)
 */

enum { VALUE, KEY, HEADERS, TIMESTAMP, TOPIC, PARTITION };

/* bytes or None as a part of a record */
static const uint8_t *part(PyObject *bytes, size_t *length)
{
	if (bytes == Py_None) {
		*length = 0;
		return NULL;
	}
	*length = (size_t)PyBytes_GET_SIZE(bytes);
	return (const uint8_t *)PyBytes_AS_STRING(bytes);
}

static int32_t part_length(const uint8_t *bytes, size_t length)
{
	return bytes == NULL ? FRAME_NULL : (int32_t)length;
}

static int append_output(const struct appender *appender, PyObject *output)
{
	static struct buf headers;
	struct frame_record record = *appender->event->record;
	size_t value_length, key_length, headers_length = record.headers_length, size;
	PyObject *const *fields = &PyTuple_GET_ITEM(output, 0);
	size_t most = limits_frame(appender->cap); /* of headers that are encoded */
	unsigned routed = 0;

	record.system_length = 0;
	record.value = part(fields[VALUE], &value_length);
	key_length = record.key_length > 0 ? (size_t)record.key_length : 0;
	if (fields[KEY] != kept)
		record.key = part(fields[KEY], &key_length);
	if (fields[HEADERS] != kept) {
		if (headers_encode(&headers, fields[HEADERS], most, &headers_length) < 0)
			return -1;
		record.headers = headers.data;
		record.header_count = (uint32_t)PyList_GET_SIZE(fields[HEADERS]);
		record.headers_length = (uint32_t)headers.length;
	}
	if (fields[TIMESTAMP] != kept)
		record.timestamp = PyLong_AsLongLong(fields[TIMESTAMP]);
	if (fields[TOPIC] != kept) {
		routed = FRAME_ROUTED;
		if (record.offset >= 0) {
			record.origin_topic = record.topic;
			record.origin_topic_length = record.topic_length;
			record.origin_partition = record.partition;
			record.origin_offset = record.offset;
		}
		record.topic = PyBytes_AS_STRING(fields[TOPIC]);
		record.topic_length = (uint32_t)PyBytes_GET_SIZE(fields[TOPIC]);
		record.partition = (int32_t)PyLong_AsLong(fields[PARTITION]);
		record.offset = -1;
	}
	size = FRAME_RECORD + key_length + value_length + headers_length;
	if (headers_length > most || limits_check(size, record.headers, record.header_count,
					     appender->cap) != LIMIT_KEPT)
		return fail_too_large(appender, size);
	size += record.topic_length + frame_record_behind(&record);
	record.key_length = part_length(record.key, key_length);
	record.value_length = part_length(record.value, value_length);
	set_flags(appender, &record.head, routed);
	buf_reserve(appender->out, size);
	appender->out->length +=
		frame_record_write(appender->out->data + appender->out->length, &record);
	return 1;
}

static int append_encoded(const struct appender *appender, PyObject *result)
{
	PyObject *object = event_object(appender->event);
	PyObject *number = NULL, *output = NULL;
	int outputs = -1;

	if (object != NULL)
		number = appender->number < 0 ? new_reference(Py_None)
					      : PyLong_FromLong(appender->number);
	if (number != NULL)
		output = PyObject_CallFunctionObjArgs(encode, result, object, number, NULL);
	if (output != NULL)
		outputs = append_output(appender, output);
	Py_XDECREF(number);
	Py_XDECREF(output);
	return outputs;
}

/* Not for None. What bruco.encoding would do just the same is done here. */
static int append_any(const struct appender *appender, PyObject *result)
{
	if (PyBytes_Check(result))
		return append_value(appender, PyBytes_AS_STRING(result), PyBytes_GET_SIZE(result));
	if (PyByteArray_Check(result)) {
		Py_ssize_t length = PyByteArray_GET_SIZE(result);

		if (length == 0 && result == appender->event->data &&
			appender->event->record->value == NULL)
			return append_value(appender, NULL, 0);
		return append_value(appender, PyByteArray_AS_STRING(result), length);
	}
	if (PyUnicode_Check(result)) {
		Py_ssize_t length;
		const char *utf8 = PyUnicode_AsUTF8AndSize(result, &length);

		if (utf8 != NULL)
			return append_value(appender, utf8, length);
		PyErr_Clear(); /* bruco.encoding says what is wrong with it */
	}
	return append_encoded(appender, result);
}

int result_append(struct buf *out, struct event *event, PyObject *result, uint32_t cap)
{
	struct appender appender = {out, event, cap, -1};

	if (result == Py_None)
		return append_none(out, event->record);
	return append_any(&appender, result);
}

/* ---- generators */

/* NULL at the end, with an exception set if the generator raised one or returned a value. */
static PyObject *next_output(PyObject *generator, bool *raised)
{
	PyObject *item = Py_TYPE(generator)->tp_iternext(generator);
	PyObject *type, *value, *trace, *result;

	*raised = false;
	if (item != NULL || !PyErr_Occurred())
		return item;
	if (!PyErr_ExceptionMatches(PyExc_StopIteration)) {
		*raised = true;
		return NULL;
	}
	PyErr_Fetch(&type, &value, &trace);
	PyErr_NormalizeException(&type, &value, &trace);
	result = PyObject_GetAttrString(value, "value");
	if (result != NULL && result != Py_None)
		fail(returned, "(O)", result);
	Py_XDECREF(result);
	Py_XDECREF(type);
	Py_XDECREF(value);
	Py_XDECREF(trace);
	return NULL;
}

static int append_next(struct appender *appender, PyObject *item, size_t before)
{
	if (item == Py_None)
		return 0;
	if (append_any(appender, item) < 0)
		return -1;
	if (appender->number > 0 && appender->out->length - before > limits_outputs(appender->cap))
		return fail(too_much, "(iI)", appender->number, appender->cap);
	appender->number++;
	return 0;
}

/* Adds the generator's place to the exception that is set, then closes the generator, so that its
 * `finally` runs while user code may run. */
static void close_early(PyObject *generator)
{
	PyObject *type, *value, *trace, *closed;

	PyErr_Fetch(&type, &value, &trace);
	closed = PyObject_CallOneArg(yielded_by, generator);
	if (closed == NULL)
		PyErr_Clear();
	Py_XDECREF(closed);
	closed = PyObject_CallMethod(generator, "close", NULL);
	if (closed == NULL)
		PyErr_WriteUnraisable(generator);
	Py_XDECREF(closed);
	PyErr_Restore(type, value, trace);
}

int result_generate(
	struct buf *out, struct event *event, PyObject *generator, uint32_t cap, bool *raised)
{
	struct appender appender = {out, event, cap, 0};
	size_t before = out->length, last = before;
	PyObject *item;
	int status = 0;

	while (status == 0) {
		size_t at = out->length;

		item = next_output(generator, raised);
		if (fork_guard_in_child)
			fork_guard_exit(item);
		if (item == NULL)
			break;
		*raised = result_is_failure(item);
		status = *raised ? -1 : append_next(&appender, item, before);
		Py_DECREF(item);
		if (out->length > at)
			last = at;
	}
	if (status < 0)
		close_early(generator);
	if (status < 0 || PyErr_Occurred()) {
		out->length = before;
		return -1;
	}
	if (appender.number == 0)
		return append_none(out, event->record);
	frame_patch(out->data + last, FRAME_TYPE_RECORD,
		(uint16_t)(get_u16(out->data + last + 4) | FRAME_LAST), event->record->head.attempt,
		event->record->head.seq);
	return appender.number;
}
