/*
 * `bruco top`: looks at a running pipeline until a key or a signal ends it.
 */
#ifndef BRUCO_TOP_TOP_H
#define BRUCO_TOP_TOP_H

#include <stdint.h>

struct top_options {
	const char *socket; /* of the console; NULL: that of `name` */
	const char *name;
	int64_t interval_ms; /* between two looks */
};

/* Returns the exit status. Ends the program with 64 without a terminal, with 69 when no pipeline is
 * there at the start; and by the signal when one ends it that is not an interrupt. */
int top_run(const struct top_options *options);

#endif
