/*
 * What `bruco top` knows: the last answer, what follows from the answers so far, and what the user
 * has chosen to see of it.
 */
#ifndef BRUCO_TOP_VIEW_H
#define BRUCO_TOP_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bruco/top/activity.h"
#include "bruco/top/history.h"
#include "bruco/top/snapshot.h"

enum view_order { VIEW_BY_LAG, VIEW_BY_TOPIC };

struct view {
	struct snapshot snapshot;
	struct activity activity;
	struct history history;
	size_t *order; /* the snapshot's partitions in the order in which they are shown */
	enum view_order by;
	bool help;     /* the keys are shown instead of the tables */
	size_t scroll; /* the first line of the tables, or of the help, that is on the screen */
	bool started_again;  /* this is not the run that was looked at first */
	int64_t answered_ms; /* when the snapshot came; 0: there is none yet */
	char lost[320];      /* why there is no answer; "": there is */
};

void view_init(struct view *view);
void view_release(struct view *view);

/* An answer has come. False with the reason in view->lost: it is none. */
bool view_note(struct view *view, const char *text, size_t length, int64_t now_ms);

/* No answer has come. */
void view_lose(struct view *view, const char *why, int64_t now_ms);

/* Another order. */
void view_sort(struct view *view, enum view_order by);

#endif
