/*
 * Which recorded files `bruco test` is to run, and what is expected of each: NAME.json, NAME.lines
 * or NAME.frames, and beside it NAME.expected.json or NAME.expected.lines.
 */
#ifndef BRUCO_TESTING_CASES_H
#define BRUCO_TESTING_CASES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/options.h"

struct test_case {
	char *input;
	char *expected; /* the file that is there, or that an update makes */
	bool has_expected;
	bool compared; /* false: its outputs are only shown, for a file without expectation that was
			  named by hand */
};

struct cases {
	struct test_case *items;
	size_t count;
};

/* Adds a file, or all cases in a folder and the folders in it, in the order of their names. Skips
 * files of expectations. Ends the program with a usage error for what can't be used. */
void cases_add(struct cases *cases, const struct program *program, const char *path, bool update);
void cases_release(struct cases *cases);

#endif
