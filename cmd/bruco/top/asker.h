/*
 * Asks the console of a pipeline, again and again, and never waits: a pipeline that hangs, ends or
 * starts again changes nothing but what is said. There is one question at a time, on a connection
 * of its own.
 */
#ifndef BRUCO_TOP_ASKER_H
#define BRUCO_TOP_ASKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

enum { ASKER_ANSWER_MAX = 32 << 20 };

struct asker {
	char *path;       /* of the console */
	int fd;           /* to poll for reading; -1: no question is open */
	int64_t asked_ms; /* when it was asked */
	struct buf answer;
	int error;     /* errno of the connection that failed; 0: it did not */
	char why[256]; /* why the last question failed; else "" */
};

enum asker_result {
	ASKER_WAITS,
	ASKER_ANSWERED, /* `answer` is the line, until the next question */
	ASKER_FAILED    /* `why` says why */
};

/* The console at `socket`, or if that is NULL that of the pipeline `name`. */
void asker_init(struct asker *asker, const char *socket, const char *name);
void asker_release(struct asker *asker);

/* Asks for the status. False with `why`: nobody is there. */
bool asker_ask(struct asker *asker, int64_t now_ms);

/* Reads what has come. */
enum asker_result asker_read(struct asker *asker);

#endif
