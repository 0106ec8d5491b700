/*
 * bruco.Event, what handlers see of an event besides its data: a C type whose getters make each
 * part when it is asked for. lib/python/bruco/_event.py is the same outside a worker.
 *
 * `struct event` is one event at hand. The plain path fills one in for each call, on the stack, and
 * the object is only made when somebody reads context.event; it then looks into the frame where it
 * lies, and gets a copy of it when the event is over and the handler has kept it. A batch, and
 * async calls, make their objects at once with event_object_new: these own a copy from the start,
 * and event_of_object gives the same struct back for result_append.
 */
#ifndef BRUCO_WORKER_PYTHON_EVENT_TYPE_H
#define BRUCO_WORKER_PYTHON_EVENT_TYPE_H

#include <Python.h>

#include "frame/frame.h"

struct event {
	const uint8_t *frame; /* record->head.length bytes */
	const struct frame_record *record;
	PyObject *data;   /* the handler's bytearray; borrowed */
	PyObject *object; /* the bruco.Event; NULL until somebody asks */
};

/* The type, for the module _bruco: a new reference, or NULL with an exception set. */
PyObject *event_object_type(void);

int event_object_prepare(void); /* once the package is importable; 0, or -1 with an exception set */

/* A new bytearray with the record's value; empty for null. NULL with an exception set. */
PyObject *event_data(const struct frame_record *record);

/* An event that owns a copy of its frame, with a new bytearray as its `data`. The caller may free
 * or move frame and record at once. A new reference, or NULL with an exception set. */
PyObject *event_object_new(const uint8_t *frame, const struct frame_record *record);

/* The parts of an event_object_new, valid as long as the object is. All borrowed. The attempt in
 * its record is the one that it was made with. */
struct event event_of_object(PyObject *object);

/* The event's object, made now if need be: borrowed from `event`; NULL with an exception set. */
PyObject *event_object(struct event *event);

/* The event is over, its frame goes away: drops its object, having given it a copy of the frame if
 * somebody else has kept it. No exception; data is not touched. */
void event_over(struct event *event);

#endif
