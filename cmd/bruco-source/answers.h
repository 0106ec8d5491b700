/*
 * The pipe by which the sink says what became of a record, for kinds that answer whom it came from; see
 * ANSWERS in control/messages.h.
 */
#ifndef BRUCO_SOURCE_ANSWERS_H
#define BRUCO_SOURCE_ANSWERS_H

#include <stdbool.h>

#include "base/buf.h"
#include "bruco-source/kinds.h"
#include "bruco-source/lanes.h"

struct answers {
	int fd; /* -1: nobody asks for them */
	struct buf buf;
	const char *why; /* what is wrong with them; static storage */
};

/* Makes the pipe; returns the sink's end. Ends the program on failure. */
int answers_open(struct answers *answers);

/* Reads all that is there, and gives it to the kind. False: it is not what the sink writes. */
bool answers_read(struct answers *answers, const struct lanes *lanes, const struct source_kind *kind,
	void *state);

#endif
