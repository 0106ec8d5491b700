/*
 * What the driver does when something happens to the pipeline, as one table: state x event ->
 * actions, next state. The table lists the cells that do something; in all others the driver stays
 * in its state. It knows no processes, no clock and no descriptors, so every cell can be tested.
 * actions.c does the actions; judge.c and driver.c say when an event has happened.
 */
#ifndef BRUCO_DRIVER_SUPERVISE_H
#define BRUCO_DRIVER_SUPERVISE_H

enum supervise_state {
	STATE_STARTING, /* all processes were started, not all are ready */
	STATE_RUNNING,  /* all are ready */
	STATE_DRAINING, /* the source was told to finish; the shutdown deadline runs */
	STATE_ENDING,   /* as closing, but the source ended by itself, at the end of its input */
	STATE_CLOSING,  /* all is delivered and committed, the processes end one after the other */
	STATE_CUTTING,  /* the deadline passed: workers are killed, sink and source finish the rest
			 */
	STATE_SETTLING, /* something has failed for good, source and sink have a moment to end */
	STATE_RESTARTING, /* the same, but when all are reaped the pipeline starts anew */
	STATE_CLEARING,   /* everything was killed; when all are reaped the pipeline starts anew */
	STATE_KILLING,    /* everything was killed; when all are reaped the driver ends */
	STATE_WAITING,    /* nothing runs until the back-off is over */
	STATE_DONE,
	STATE_COUNT
};

enum supervise_event {
	EVENT_READY,           /* every process has reported it */
	EVENT_SIGNAL,          /* the first that asks for an end */
	EVENT_SECOND_SIGNAL,   /* each one after it */
	EVENT_WORKER_DIED,     /* the worker may have a successor */
	EVENT_WORKER_RECYCLED, /* the worker ended because it was to end, and gets a successor */
	EVENT_WORKER_LOST, /* the worker gets no successor: the handler failed, or restarts are used
			      up */
	EVENT_ENDPOINT_DIED, /* source or sink, in a way that a new start may mend */
	EVENT_FATAL,         /* a process ended in a way that no new start mends */
	EVENT_CLOSING,       /* the source says that all is acknowledged and committed */
	EVENT_STUCK,         /* a process was killed KILL_MS ago and is still there */
	EVENT_TIMEOUT,       /* the state's deadline has passed */
	EVENT_REAPED,        /* no process is left */
	EVENT_COUNT
};

/* One event may cause several actions; they are done in this order. */
enum supervise_action {
	ACTION_KEEP_STATUS = 1 << 0, /* the event's status is the driver's, if none was kept yet */
	ACTION_KEEP_SIGNAL = 1 << 1, /* the driver is to die by the event's signal */
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
	ACTION_ABANDON = 1 << 11,     /* name what does not die, and leave it behind */
	ACTION_BACK_OFF = 1 << 12,    /* the deadline is the end of the back-off */
	ACTION_START = 1 << 13,       /* all processes */
	ACTION_COUNT = 14
};

struct supervise_step {
	enum supervise_state next;
	unsigned actions;
};

struct supervise_step supervise(enum supervise_state state, enum supervise_event event);

const char *supervise_state_name(enum supervise_state state);
const char *supervise_event_name(enum supervise_event event);

#endif
