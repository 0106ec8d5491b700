/*
 * Log lines that a process has made itself. A handler can write to its worker's pipe for them, too, so
 * that each is a claim: it may not speak in another's name, nor hold what a terminal would obey, and with
 * JSON it must be JSON. What does not fit is shown as text that the process has printed.
 */
#ifndef BRUCO_LOG_CLAIMED_LINES_H
#define BRUCO_LOG_CLAIMED_LINES_H

#include <stddef.h>

#include "base/buf.h"

/* Appends whole lines as they may be shown. `program` is who wrote them; `worker` as in log_make. */
void claimed_lines(struct buf *out, const char *program, const char *worker, const char *text,
	size_t length);

#endif
