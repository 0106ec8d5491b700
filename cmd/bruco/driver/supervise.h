/*
 * What the driver does when something happens to its stages, as one table: state x event ->
 * actions, next state. It knows no processes, no clock and no descriptors, so every cell can be
 * tested; driver.c says what an action is and when an event has happened.
 */
#ifndef BRUCO_DRIVER_SUPERVISE_H
#define BRUCO_DRIVER_SUPERVISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stats/page.h"

enum supervise_state {
	STATE_STARTING, /* all stages were started, not all are ready */
	STATE_RUNNING,  /* all are ready */
	STATE_DRAINING, /* the source was told to finish; the shutdown deadline runs */
	STATE_ENDING,   /* as closing, but the source ended by itself: its input is at its end */
	STATE_CLOSING,  /* all is delivered and committed, the stages end one after the other */
	STATE_CUTTING,  /* the deadline passed: workers are killed, sink and source settle the rest
			 */
	STATE_SETTLING, /* source or sink has died for good, the other one has a moment to end */
	STATE_RESTARTING, /* the same, but when all is reaped it starts anew */
	STATE_CLEARING,   /* everything was killed; when all is reaped it starts anew */
	STATE_KILLING,    /* everything was killed; when all is reaped it is over */
	STATE_WAITING,    /* nothing runs until the back-off is over */
	STATE_DONE,
	STATE_COUNT
};

enum supervise_event {
	EVENT_READY,           /* every stage has said so */
	EVENT_SIGNAL,          /* the first that asks for an end */
	EVENT_SECOND_SIGNAL,   /* each one after it */
	EVENT_WORKER_DIED,     /* it may have a successor */
	EVENT_WORKER_RECYCLED, /* it ended because it was to end, and has a successor */
	EVENT_WORKER_LOST,     /* it must have none: the handler failed, or restarts are used up */
	EVENT_ENDPOINT_DIED,   /* source or sink, in a way that a new start may mend */
	EVENT_FATAL,           /* a stage ended in a way that no new start mends */
	EVENT_CLOSING,         /* the source says that all is acknowledged and committed */
	EVENT_STUCK,           /* a stage was killed KILL_MS ago and is still there */
	EVENT_TIMEOUT,         /* the state's deadline has passed */
	EVENT_REAPED,          /* no stage is left */
	EVENT_COUNT
};

/* Done in this order. Several may come of one event. */
enum supervise_action {
	ACTION_KEEP_STATUS = 1 << 0, /* the event's status is the driver's, if none was kept yet */
	ACTION_KEEP_SIGNAL = 1 << 1, /* the driver shall die by the event's signal */
	ACTION_REPORT_READY = 1 << 2,
	ACTION_CUT_LANE = 1 << 3, /* tell the sink that the event's lane has no successor */
	ACTION_REPLACE = 1 << 4,  /* start the successor of the event's lane */
	ACTION_DRAIN = 1 << 5,    /* tell the source to finish */
	ACTION_ARM = 1 << 6,      /* the shutdown deadline begins, if it has not begun yet */
	ACTION_KILL_UNREADY =
		1 << 7, /* workers that are still initialising: there is no work for them */
	ACTION_KILL_WORKERS = 1 << 8, /* and give sink and source a few seconds more */
	ACTION_SETTLE = 1 << 9,       /* kill the workers, give sink and source a moment to end */
	ACTION_KILL_ALL = 1 << 10,    /* and give them KILL_MS to be gone */
	ACTION_ABANDON = 1 << 11,     /* leave what does not die, and name it */
	ACTION_BACK_OFF = 1 << 12,    /* the deadline is the end of the back-off */
	ACTION_START = 1 << 13,       /* all stages */
	ACTION_COUNT = 14
};

struct supervise_step {
	enum supervise_state next;
	unsigned actions;
};

struct supervise_step supervise(enum supervise_state state, enum supervise_event event);

const char *supervise_state_name(enum supervise_state state);
const char *supervise_event_name(enum supervise_event event);

/*
 * How often and how soon: at most `most` restarts, of workers and of the whole pipeline together,
 * within RESTART_WINDOW_MS, not counting those that an event accounts for. Times are monotonic
 * milliseconds, given by the caller.
 */
enum { RESTART_WINDOW_MS = 60000, BACK_OFF_FIRST_MS = 100, BACK_OFF_MOST_MS = 30000 };

struct restarts {
	uint32_t most;
	int64_t *times; /* within the window, oldest first */
	size_t count;
	size_t capacity;
};

void restarts_init(struct restarts *restarts, uint32_t most);
void restarts_release(struct restarts *restarts);

/* Counts one more restart; false when they are used up (then nothing is counted). */
bool restarts_take(struct restarts *restarts, int64_t now_ms);

/*
 * Whether an event accounts for a worker's death: it ran, so the death costs it one of its attempts
 * and the source sees to it that it gets no more than `attempts`. Such deaths end by themselves, a
 * thousand events that kill their worker are no reason to stop. But the page is only a claim, so
 * what counts as accounted for must move on: in a lane each such death is of a later event than the
 * one before, or of a later attempt. So do events that were in flight together: they are told apart
 * by running alone, and are never together again. `last` starts as zero with each start of the
 * pipeline.
 */
struct event_mark {
	uint64_t seq;
	uint32_t attempt;
	uint64_t together; /* up to which events have been in flight together in such a death */
};

bool supervise_accounts_for(
	struct event_mark *last, const struct page_snapshot *page, uint32_t attempts);

/* How long to wait after this many failures in a row: 0, 100, 200, 400 ... 30000 ms. */
int64_t back_off_ms(unsigned failures);

#endif
