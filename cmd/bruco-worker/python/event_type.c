#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "bruco-worker/python/event_type.h"

#include <datetime.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/run_name.h"
#include "bruco-worker/python/import.h"
#include "frame/headers.h"

struct event_object {
	PyObject_HEAD const uint8_t *frame; /* lent while its event runs, or `copy` */
	uint8_t *copy;                      /* owned, or NULL */
	struct frame_record record;
	PyObject *data;
	PyObject *key, *value, *headers; /* NULL until read */
};

static PyTypeObject *event_type;
static PyObject *epoch;
static PyObject *headers_of_pairs, *trace_of_headers;

static void deallocate_event(PyObject *self)
{
	struct event_object *object = (struct event_object *)self;
	PyTypeObject *type = Py_TYPE(self);

	free(object->copy);
	Py_XDECREF(object->data);
	Py_XDECREF(object->key);
	Py_XDECREF(object->value);
	Py_XDECREF(object->headers);
	type->tp_free(self);
	Py_DECREF(type);
}

/* ---- getters */

static PyObject *bytes_or_none(const uint8_t *bytes, int32_t length)
{
	if (length == FRAME_NULL)
		Py_RETURN_NONE;
	return PyBytes_FromStringAndSize((const char *)bytes, length);
}

/* -1 in a frame means that there is none. */
static PyObject *number_or_none(int64_t number)
{
	if (number < 0)
		Py_RETURN_NONE;
	return PyLong_FromLongLong(number);
}

static PyObject *text_of(const char *bytes, uint32_t length)
{
	return PyUnicode_DecodeUTF8(bytes, length, "surrogateescape");
}

/* Keeps what was made for the next reader; NULL: an exception is set. */
static PyObject *keep(PyObject **slot, PyObject *made)
{
	if (made != NULL)
		Py_XSETREF(*slot, new_reference(made));
	return made;
}

static PyObject *get_key(PyObject *self, void *closure)
{
	struct event_object *object = (struct event_object *)self;

	(void)closure;
	if (object->key != NULL)
		return new_reference(object->key);
	return keep(&object->key, bytes_or_none(object->record.key, object->record.key_length));
}

static PyObject *get_value(PyObject *self, void *closure)
{
	struct event_object *object = (struct event_object *)self;

	(void)closure;
	if (object->value != NULL)
		return new_reference(object->value);
	return keep(
		&object->value, bytes_or_none(object->record.value, object->record.value_length));
}

static PyObject *get_data(PyObject *self, void *closure)
{
	(void)closure;
	return new_reference(((struct event_object *)self)->data);
}

/* Making a tuple may let other threads run. When this is such a thread, the event may end
 * meanwhile, and record->headers then points into another frame: so nothing but the offset is kept.
 */
static PyObject *pairs_of(const struct frame_record *record)
{
	PyObject *pairs = PyTuple_New((Py_ssize_t)record->header_count);
	ptrdiff_t offset = 0;

	for (uint32_t i = 0; pairs != NULL && i < record->header_count; i++) {
		const uint8_t *at = record->headers + offset;
		struct frame_header header;
		PyObject *pair;

		frame_header_next(&at, &header);
		offset = at - record->headers;
		pair = Py_BuildValue("(NN)", text_of(header.name, header.name_length),
			bytes_or_none(header.value, header.value_length));
		if (pair == NULL)
			Py_CLEAR(pairs);
		else
			PyTuple_SET_ITEM(pairs, (Py_ssize_t)i, pair);
	}
	return pairs;
}

static PyObject *get_headers(PyObject *self, void *closure)
{
	struct event_object *object = (struct event_object *)self;
	PyObject *pairs, *headers;

	(void)closure;
	if (object->headers != NULL)
		return new_reference(object->headers);
	pairs = pairs_of(&object->record);
	if (pairs == NULL)
		return NULL;
	headers = PyObject_CallOneArg(headers_of_pairs, pairs);
	Py_DECREF(pairs);
	return keep(&object->headers, headers);
}

static PyObject *get_trace(PyObject *self, void *closure)
{
	PyObject *headers = get_headers(self, closure);
	PyObject *trace =
		headers == NULL ? NULL : PyObject_CallOneArg(trace_of_headers, headers);

	Py_XDECREF(headers);
	return trace;
}

/* Cheaper than to make the headers, for bruco.encoding. */
static PyObject *get_traced(PyObject *self, void *closure)
{
	const struct frame_record *record = &((struct event_object *)self)->record;
	const uint8_t *at = record->headers;
	struct frame_header header;

	(void)closure;
	for (uint32_t i = 0; i < record->header_count; i++) {
		frame_header_next(&at, &header);
		if (header_is_named(&header, "traceparent") ||
			header_is_named(&header, "tracestate") ||
			header_is_named(&header, "baggage"))
			Py_RETURN_TRUE;
	}
	Py_RETURN_FALSE;
}

static PyObject *get_timestamp(PyObject *self, void *closure)
{
	int64_t ms = ((struct event_object *)self)->record.timestamp;
	int64_t days = ms / 86400000, rest = ms % 86400000;
	PyObject *since, *timestamp;

	(void)closure;
	if (ms < 0)
		Py_RETURN_NONE;
	if (days > 3000000)
		return PyErr_Format(PyExc_OverflowError, "date value out of range");
	since = PyDelta_FromDSU((int)days, (int)(rest / 1000), (int)(rest % 1000) * 1000);
	if (since == NULL)
		return NULL;
	timestamp = PyNumber_Add(epoch, since);
	Py_DECREF(since);
	return timestamp;
}

static PyObject *get_timestamp_ms(PyObject *self, void *closure)
{
	(void)closure;
	return number_or_none(((struct event_object *)self)->record.timestamp);
}

static PyObject *get_topic(PyObject *self, void *closure)
{
	const struct frame_record *record = &((struct event_object *)self)->record;

	(void)closure;
	if (record->topic_length == 0)
		Py_RETURN_NONE;
	return text_of(record->topic, record->topic_length);
}

static PyObject *get_partition(PyObject *self, void *closure)
{
	(void)closure;
	return number_or_none(((struct event_object *)self)->record.partition);
}

static PyObject *get_offset(PyObject *self, void *closure)
{
	(void)closure;
	return number_or_none(((struct event_object *)self)->record.offset);
}

/* Numbers of 20 digits, with colons. */
enum { ID_MAX = FRAME_SYSTEM_MAX + FRAME_TOPIC_MAX + 64 };

static size_t put_text(char *to, const char *text, size_t length)
{
	memcpy(to, text, length);
	to[length] = ':';
	return length + 1;
}

/* Without a system nothing comes again: the record's number in this process names it. */
static PyObject *get_id(PyObject *self, void *closure)
{
	const struct frame_record *record = &((struct event_object *)self)->record;
	const char *system = record->system_length > 0 ? record->system : run_name();
	char id[ID_MAX];
	size_t length = put_text(id, system, record->system_length > 0 ? record->system_length : strlen(system));

	(void)closure;
	if (record->system_length == 0) {
		length += (size_t)sprintf(id + length, "%" PRIu64, record->head.seq);
		return text_of(id, (uint32_t)length);
	}
	if (record->topic_length > 0)
		length += put_text(id + length, record->topic, record->topic_length);
	if (record->partition >= 0)
		length += (size_t)sprintf(id + length, "%" PRId32 ":", record->partition);
	if (record->offset >= 0)
		length += (size_t)sprintf(id + length, "%" PRId64 ":", record->offset);
	return text_of(id, (uint32_t)length - 1);
}

static PyObject *get_attempt(PyObject *self, void *closure)
{
	(void)closure;
	return PyLong_FromLong(((struct event_object *)self)->record.head.attempt + 1L);
}

static PyObject *represent(PyObject *self)
{
	const struct frame_record *record = &((struct event_object *)self)->record;
	PyObject *topic, *text;

	if (record->topic_length == 0)
		return PyUnicode_FromString("<bruco.Event>");
	topic = text_of(record->topic, record->topic_length);
	if (topic == NULL)
		return NULL;
	text = PyUnicode_FromFormat("<bruco.Event %U[%d]@%lld>", topic, (int)record->partition,
		(long long)record->offset);
	Py_DECREF(topic);
	return text;
}

/* The same texts as in _event.py; a test compares them. */
static PyGetSetDef computed[] = {
	{"key", get_key, NULL, "The record's key; None when it is null.", NULL},
	{"value", get_value, NULL, "The record's value as it came; None when it is null.", NULL},
	{"data", get_data, NULL,
		"The value as handle_event gets it: a bytearray that belongs to the handler.",
		NULL},
	{"headers", get_headers, NULL, "The record's headers, in their order.", NULL},
	{"timestamp", get_timestamp, NULL,
		"The record's time, in UTC; None when it has none. OverflowError beyond the year "
		"9999.",
		NULL},
	{"timestamp_ms", get_timestamp_ms, NULL,
		"The record's time in milliseconds since 1970; None when it has none.", NULL},
	{"topic", get_topic, NULL, "Where the record came from; None when there is no topic.",
		NULL},
	{"partition", get_partition, NULL, "The partition of that topic; None when there is none.",
		NULL},
	{"offset", get_offset, NULL, "The offset in that partition; None when there is none.",
		NULL},
	{"id", get_id, NULL,
		"A text that names the record: the same whenever it comes again, see "
		"bruco-worker(1).",
		NULL},
	{"attempt", get_attempt, NULL,
		"Which attempt at this event this is: 1 is the first, as in log lines.", NULL},
	{"trace", get_trace, NULL,
		"The trace that the record is part of; None without a valid traceparent header.",
		NULL},
	{"_traced", get_traced, NULL, "Whether any header is about a trace.", NULL},
	{NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
	{Py_tp_doc, (void *)"One record of the input, as context.event and as a member of a batch."
			    "\n\nIt can't be changed, its data can. Handlers may keep it for as "
			    "long as they like."},
	{Py_tp_dealloc, (void *)deallocate_event},
	{Py_tp_repr, (void *)represent},
	{Py_tp_getset, computed},
	{0, NULL},
};

static PyType_Spec spec = {
	.name = "bruco.Event",
	.basicsize = sizeof(struct event_object),
	.flags = Py_TPFLAGS_DEFAULT,
	.slots = slots,
};

PyObject *event_object_type(void)
{
	if (event_type == NULL) {
		event_type = (PyTypeObject *)PyType_FromSpec(&spec);
		if (event_type != NULL)
			event_type->tp_new = NULL; /* only the worker makes them */
	}
	return new_reference((PyObject *)event_type);
}

int event_object_prepare(void)
{
	PyDateTime_IMPORT;
	epoch = import_attribute("bruco._event", "EPOCH");
	headers_of_pairs = import_attribute("bruco._headers", "of_pairs");
	trace_of_headers = import_attribute("bruco._trace", "of_headers");
	return PyDateTimeAPI == NULL || epoch == NULL || headers_of_pairs == NULL ||
			       trace_of_headers == NULL
		       ? -1
		       : 0;
}

/* ---- making and keeping them */

PyObject *event_data(const struct frame_record *record)
{
	Py_ssize_t length = record->value_length > 0 ? record->value_length : 0;

	return PyByteArray_FromStringAndSize((const char *)record->value, length);
}

static PyObject *make(const uint8_t *frame, const struct frame_record *record, PyObject *data)
{
	struct event_object *object = PyObject_New(struct event_object, event_type);

	if (object == NULL)
		return NULL;
	object->frame = frame;
	object->copy = NULL;
	object->record = *record;
	object->data = new_reference(data);
	object->key = object->value = object->headers = NULL;
	return (PyObject *)object;
}

static const void *moved(const void *part, const uint8_t *from, const uint8_t *to)
{
	return part == NULL ? NULL : to + ((const uint8_t *)part - from);
}

static void own_frame(struct event_object *object)
{
	struct frame_record *record = &object->record;
	const uint8_t *from = object->frame;

	object->copy = mem_grow(NULL, record->head.length, 1);
	memcpy(object->copy, from, record->head.length);
	object->frame = object->copy;
	record->topic = moved(record->topic, from, object->copy);
	record->key = moved(record->key, from, object->copy);
	record->headers = moved(record->headers, from, object->copy);
	record->value = moved(record->value, from, object->copy);
	record->system = moved(record->system, from, object->copy);
}

PyObject *event_object_new(const uint8_t *frame, const struct frame_record *record)
{
	PyObject *data = event_data(record);
	PyObject *object = data == NULL ? NULL : make(frame, record, data);

	Py_XDECREF(data);
	if (object != NULL)
		own_frame((struct event_object *)object);
	return object;
}

struct event event_of_object(PyObject *self)
{
	struct event_object *object = (struct event_object *)self;

	return (struct event){object->frame, &object->record, object->data, self};
}

PyObject *event_object(struct event *event)
{
	if (event->object == NULL)
		event->object = make(event->frame, event->record, event->data);
	return event->object;
}

void event_over(struct event *event)
{
	if (event->object == NULL)
		return;
	if (Py_REFCNT(event->object) > 1)
		own_frame((struct event_object *)event->object);
	Py_CLEAR(event->object);
}
