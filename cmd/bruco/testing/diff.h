/*
 * How two lists of outcomes differ, for people: like a unified diff, whose headings name the
 * records. Where one line stands against one, carets show the part that differs.
 *
 *	@@ record 3 @@
 *	 {"key": "b", "value": "TWO"}
 *	-{"key": "c", "value": "3"}
 *	+{"key": "c", "value": "4"}
 *	                        ^
 */
#ifndef BRUCO_TESTING_DIFF_H
#define BRUCO_TESTING_DIFF_H

#include <stdbool.h>

#include "base/buf.h"
#include "bruco/testing/outcomes.h"

enum { DIFFERENCE_CONTEXT = 1 /* equal lines around those that differ */ };

/* Appends nothing and returns false when they are equal. Each line begins with `indent`; with
 * `colour` what is missing is red and what is new is green. */
bool diff_show(const struct outcomes *expected, const struct outcomes *got, const char *indent,
	bool colour, struct buf *out);

#endif
