/*
 * What follows from one answer and those before it: rates, shares of a processor, how busy workers
 * are.
 */
#ifndef BRUCO_TOP_ACTIVITY_H
#define BRUCO_TOP_ACTIVITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bruco/top/snapshot.h"

enum { ACTIVITY_WORKERS = 256, ACTIVITY_STAGES = ACTIVITY_WORKERS + 2 };

struct activity_stage {
	int64_t pid;
	double cpu_s;
	double cpu;    /* share of one processor since the last answer; -1: not known */
	double recent; /* the same over about the last five seconds */
};

struct activity {
	bool known;             /* the rates are: there were two answers of one pipeline */
	double in, out, failed; /* records a second since the last answer */
	double handler_s; /* mean of the calls that were timed last; -1: none was, or no record came
			   */
	struct activity_stage stages[ACTIVITY_STAGES]; /* as in the snapshot */
	double running[ACTIVITY_WORKERS]; /* share of about the last five seconds in which the
					     handler was seen to run, 0 to 1 */

	/* of the last answer */
	double up_s, began_s; /* began_s: the clock's second in which the pipeline began */
	int64_t total_in, total_out, total_failed, handler_count;
	double handler_sum_s;
};

/* Takes in an answer that has come now, by clock_ms. False: it is that of another run than before,
 * or the first: what was known is forgotten. */
bool activity_note(struct activity *activity, const struct snapshot *snapshot, int64_t now_ms);

/* How busy a worker is, 0 to 1: by what its handler was seen to do, or by its process's time if
 * that is more. `lane` counts the snapshot's lanes. */
double activity_busy(const struct activity *activity, const struct snapshot *snapshot, size_t lane);

/* The process of a role, the first of them, over about the last five seconds; -1: not known. */
double activity_cpu(
	const struct activity *activity, const struct snapshot *snapshot, const char *role);

#endif
