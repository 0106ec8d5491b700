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
	char *expected; /* the file that there is, or that an update makes */
	bool has_expected;
	bool compared; /* else its outputs are shown: a file without expectation, named by hand */
};

struct cases {
	struct test_case *items;
	size_t count;
};

/* Adds a file, or all cases in a folder and the folders in it, in the order of their names. What
 * can't be used is a misuse and ends the program. Files of expectations are passed over. */
void cases_add(struct cases *cases, const struct program *program, const char *path, bool update);
void cases_release(struct cases *cases);

#endif
