/*
 * bruco.Event, what handlers see of an event besides its data: a C type whose getters make each
 * part when it is read. lib/python/bruco/_event.py is the same outside a worker.
 *
 * `struct event` is one current event. run/invoke.c fills one in for each call, on the stack, and
 * the object is only made when something reads context.event. It then points into the frame where
 * the frame lies, and gets a copy if the handler has kept the object when the event is over.
 * Batches and overlapping calls make their objects at once with event_object_new: these own a copy
 * from the start, and event_of_object returns the same struct for result_append.
 */
#ifndef BRUCO_WORKER_PYTHON_EVENT_TYPE_H
#define BRUCO_WORKER_PYTHON_EVENT_TYPE_H

#include <Python.h>

#include "frame/frame.h"

struct event {
	const uint8_t *frame; /* record->head.length bytes */
	const struct frame_record *record;
	PyObject *data;   /* the handler's bytearray; borrowed */
	PyObject *object; /* the bruco.Event; NULL until something reads it */
};

/* The type, for the module _bruco: a new reference, or NULL with an exception set. */
PyObject *event_object_type(void);

int event_object_prepare(void); /* once the package is importable; 0, or -1 with an exception set */

/* A new bytearray with the record's value; empty for null. NULL with an exception set. */
PyObject *event_data(const struct frame_record *record);

/* An event that owns a copy of its frame, with a new bytearray as its `data`. The caller may free
 * or move frame and record at once. A new reference, or NULL with an exception set. */
PyObject *event_object_new(const uint8_t *frame, const struct frame_record *record);

/* The parts of an event_object_new, all borrowed, valid as long as the object is. Its record has
 * the number of the attempt for which it was made. */
struct event event_of_object(PyObject *object);

/* The event's object, made now if need be: borrowed from `event`; NULL with an exception set. */
PyObject *event_object(struct event *event);

/* The event is over and its frame will be gone: drops its object, which gets a copy of the frame if
 * the handler has kept it. Sets no exception; leaves data alone. */
void event_over(struct event *event);

#endif
