/*
 * Python exceptions as text. Works for every exception, also for one whose __str__ raises.
 */
#ifndef BRUCO_WORKER_PYTHON_EXCEPTION_H
#define BRUCO_WORKER_PYTHON_EXCEPTION_H

#include <stdbool.h>

#include "base/log.h"
#include "frame/frame.h"

struct exception {
	char *name;      /* the class: "ValueError", "package.Error" */
	char *summary;   /* "ValueError: bad id" */
	char *traceback; /* lines, the handler's frames first; NULL when there are none */
};

int exception_prepare(void); /* once Python runs; 0, or -1 with an exception set */

/* Takes the exception that is set (there must be one) and clears it. */
void exception_take(struct exception *exception);
void exception_release(struct exception *exception);

/* Fills in the place of a record for a log line; `topic` holds the name. */
void exception_about(const struct frame_record *record, char topic[FRAME_TOPIC_MAX + 1],
	struct log_about *about);

#endif
