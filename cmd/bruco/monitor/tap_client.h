/*
 * `bruco tap`: asks for a tap, and again when its stage is started again, and writes the records that
 * come to standard output.
 */
#ifndef BRUCO_MONITOR_TAP_CLIENT_H
#define BRUCO_MONITOR_TAP_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

struct tap_wish {
	const char *socket; /* or NULL: by the name */
	const char *name;   /* of the pipeline */
	const char *edge;   /* "in", "out" or "failed" */
	const char *key;    /* NULL: any; at most TAP_KEY_MAX bytes */
	int64_t partition;  /* -1: any */
	uint64_t count;     /* records after which it ends; 0: no end */
	bool frames;        /* else JSON */
};

/* Runs until the count is reached, a signal asks for the end, or the pipeline has ended. Returns the exit
 * status. Ends the program with 69 when the pipeline does not run at first, with 75 when the stage takes
 * no more taps, and by SIGPIPE when nobody reads standard output. */
int tap_client_run(const struct tap_wish *wish);

#endif
