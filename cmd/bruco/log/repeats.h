/*
 * Log lines that come again and again. Of equal entries of one process REPEATS_SHOWN are shown
 * within REPEATS_WINDOW_MS after the first; when that time is over the last one is shown once more,
 * with the number of those that were left out, and all begins anew. An entry is a line with the
 * lines of its traceback. It is equal to another if all but their times and, in the JSON form, the
 * records that they are about are the same; with `numbers_aside`, also if they differ in numbers
 * only and name no record ("orders[3]@12"). Memory is bounded: an entry for which there is no room
 * is shown.
 */
#ifndef BRUCO_LOG_REPEATS_H
#define BRUCO_LOG_REPEATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum { REPEATS_SHOWN = 20, REPEATS_WINDOW_MS = 10000, REPEATS_SLOTS = 64 };

/* One entry, for as long as its window is open. */
struct repeat {
	uint64_t key;
	int64_t until;     /* ms; 0: the slot is free */
	uint64_t shown;
	uint64_t left_out;
	int owner;         /* the process, as in relay.h */
	struct buf last;   /* the first line of the last one that was left out */
};

struct repeats { /* zeroed: nothing was said yet */
	struct repeat slots[REPEATS_SLOTS];
};

void repeats_release(struct repeats *repeats);

/* The length of the entry that the text, which is whole lines, begins with; if the text goes on
 * with an entry that began before it, the length of that rest. */
size_t repeats_entry(const char *text, size_t length);
/* Whether the text begins inside of an entry: with a line of a traceback. */
bool repeats_continues(const char *text, size_t length);

/* Whether to show this entry; if not, it is counted. */
bool repeats_show(struct repeats *repeats, int owner, bool numbers_aside, const char *entry,
	size_t length, int64_t now_ms);

/* Sets *line, which is emptied first, to what there is to say of a window that has ended by now,
 * and *owner; false: no further one has. INT64_MAX ends all. */
bool repeats_ended(struct repeats *repeats, int64_t now_ms, int *owner, struct buf *line);

int64_t repeats_deadline(const struct repeats *repeats); /* for repeats_ended; -1: none */

#endif
