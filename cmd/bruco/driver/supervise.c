#include "bruco/driver/supervise.h"

#include <assert.h>
#include <stdbool.h>

struct cell {
	bool listed; /* false: the driver stays in its state and does nothing */
	struct supervise_step step;
};

/* clang-format off */
#define GO(state, actions) {true, {STATE_##state, (actions)}}
/* clang-format on */

enum {
	KEEP = ACTION_KEEP_STATUS,
	SIGNAL = ACTION_KEEP_SIGNAL,
	REPORT_READY = ACTION_REPORT_READY,
	CUT = ACTION_CUT_LANE,
	REPLACE = ACTION_REPLACE,
	DRAIN = ACTION_DRAIN | ACTION_ARM,
	ARM = ACTION_ARM,
	KILL_UNREADY = ACTION_KILL_UNREADY,
	KILL_WORKERS = ACTION_KILL_WORKERS,
	SETTLE = ACTION_SETTLE,
	KILL_ALL = ACTION_KILL_ALL,
	ABANDON = ACTION_ABANDON,
	BACK_OFF = ACTION_BACK_OFF,
	START = ACTION_START
};

/* clang-format off */
static const struct cell table[STATE_COUNT][EVENT_COUNT] = {
	[STATE_STARTING] = {
		[EVENT_READY] = GO(RUNNING, REPORT_READY),
		[EVENT_SIGNAL] = GO(DRAINING, DRAIN),
		[EVENT_SECOND_SIGNAL] = GO(KILLING, SIGNAL | KILL_ALL),
		[EVENT_WORKER_DIED] = GO(STARTING, REPLACE),
		[EVENT_WORKER_RECYCLED] = GO(STARTING, REPLACE),
		[EVENT_WORKER_LOST] = GO(DRAINING, KEEP | CUT | DRAIN),
		[EVENT_ENDPOINT_DIED] = GO(RESTARTING, SETTLE),
		[EVENT_FATAL] = GO(SETTLING, KEEP | SETTLE),
		/* Workers may still be initialising: whether the handler loads is worth knowing. */
		[EVENT_CLOSING] = GO(ENDING, ARM),
		/* Its lane can't go on; the others end in good order. */
		[EVENT_STUCK] = GO(DRAINING, KEEP | DRAIN),
	},
	[STATE_RUNNING] = {
		[EVENT_SIGNAL] = GO(DRAINING, DRAIN),
		[EVENT_SECOND_SIGNAL] = GO(KILLING, SIGNAL | KILL_ALL),
		[EVENT_WORKER_DIED] = GO(RUNNING, REPLACE),
		[EVENT_WORKER_RECYCLED] = GO(RUNNING, REPLACE),
		[EVENT_WORKER_LOST] = GO(DRAINING, KEEP | CUT | DRAIN),
		[EVENT_ENDPOINT_DIED] = GO(RESTARTING, SETTLE),
		[EVENT_FATAL] = GO(SETTLING, KEEP | SETTLE),
		[EVENT_CLOSING] = GO(ENDING, ARM),
		[EVENT_STUCK] = GO(DRAINING, KEEP | DRAIN),
	},
	[STATE_DRAINING] = {
		/* EVENT_SIGNAL: it drains already, for another reason. */
		[EVENT_SECOND_SIGNAL] = GO(KILLING, SIGNAL | KILL_ALL),
		/* Without a successor what the dead one had taken would never be finished. */
		[EVENT_WORKER_DIED] = GO(DRAINING, REPLACE),
		[EVENT_WORKER_RECYCLED] = GO(DRAINING, REPLACE),
		[EVENT_WORKER_LOST] = GO(DRAINING, KEEP | CUT),
		[EVENT_ENDPOINT_DIED] = GO(SETTLING, KEEP | SETTLE),
		[EVENT_FATAL] = GO(SETTLING, KEEP | SETTLE),
		[EVENT_CLOSING] = GO(CLOSING, KILL_UNREADY),
		[EVENT_STUCK] = GO(DRAINING, KEEP),
		[EVENT_TIMEOUT] = GO(CUTTING, KEEP | KILL_WORKERS),
		[EVENT_REAPED] = GO(DONE, 0),
	},
	[STATE_ENDING] = {
		[EVENT_SIGNAL] = GO(CLOSING, KILL_UNREADY),
		[EVENT_SECOND_SIGNAL] = GO(KILLING, SIGNAL | KILL_ALL),
		/* EVENT_WORKER_DIED: this is how workers end. */
		[EVENT_WORKER_LOST] = GO(ENDING, KEEP),
		[EVENT_ENDPOINT_DIED] = GO(RESTARTING, SETTLE), /* the next start reads on, or finds the end */
		[EVENT_FATAL] = GO(SETTLING, KEEP | SETTLE),
		[EVENT_STUCK] = GO(ENDING, KEEP),
		[EVENT_TIMEOUT] = GO(KILLING, KILL_ALL), /* no work is left, so this is no failure */
		[EVENT_REAPED] = GO(DONE, 0),
	},
	[STATE_CLOSING] = {
		[EVENT_SECOND_SIGNAL] = GO(KILLING, SIGNAL | KILL_ALL),
		[EVENT_WORKER_LOST] = GO(CLOSING, KEEP),
		[EVENT_ENDPOINT_DIED] = GO(SETTLING, KEEP | SETTLE),
		[EVENT_FATAL] = GO(SETTLING, KEEP | SETTLE),
		[EVENT_STUCK] = GO(CLOSING, KEEP),
		[EVENT_TIMEOUT] = GO(KILLING, KILL_ALL),
		[EVENT_REAPED] = GO(DONE, 0),
	},
	[STATE_CUTTING] = {
		[EVENT_SECOND_SIGNAL] = GO(KILLING, SIGNAL | KILL_ALL),
		[EVENT_WORKER_DIED] = GO(CUTTING, CUT),
		[EVENT_WORKER_RECYCLED] = GO(CUTTING, CUT),
		[EVENT_WORKER_LOST] = GO(CUTTING, CUT),
		/* EVENT_ENDPOINT_DIED: the other one sees the link end, or the deadline passes. */
		[EVENT_STUCK] = GO(CUTTING, KEEP),
		[EVENT_TIMEOUT] = GO(KILLING, KILL_ALL),
		[EVENT_REAPED] = GO(DONE, 0),
	},
	[STATE_SETTLING] = {
		[EVENT_SECOND_SIGNAL] = GO(KILLING, SIGNAL | KILL_ALL),
		[EVENT_TIMEOUT] = GO(KILLING, KILL_ALL),
		[EVENT_REAPED] = GO(DONE, 0),
	},
	[STATE_RESTARTING] = {
		/* Not all was drained: a status of 0 would promise that nothing is repeated. */
		[EVENT_SIGNAL] = GO(SETTLING, KEEP),
		[EVENT_SECOND_SIGNAL] = GO(KILLING, SIGNAL | KILL_ALL),
		[EVENT_WORKER_LOST] = GO(SETTLING, KEEP),
		[EVENT_FATAL] = GO(SETTLING, KEEP), /* the process had ended before it was killed */
		[EVENT_TIMEOUT] = GO(CLEARING, KILL_ALL),
		[EVENT_REAPED] = GO(WAITING, BACK_OFF),
	},
	[STATE_CLEARING] = {
		[EVENT_SIGNAL] = GO(KILLING, KEEP),
		[EVENT_SECOND_SIGNAL] = GO(KILLING, SIGNAL | KILL_ALL),
		[EVENT_WORKER_LOST] = GO(KILLING, KEEP),
		[EVENT_FATAL] = GO(KILLING, KEEP),
		[EVENT_TIMEOUT] = GO(DONE, KEEP | ABANDON),
		[EVENT_REAPED] = GO(WAITING, BACK_OFF),
	},
	[STATE_KILLING] = {
		[EVENT_SECOND_SIGNAL] = GO(KILLING, SIGNAL),
		[EVENT_TIMEOUT] = GO(DONE, KEEP | ABANDON),
		[EVENT_REAPED] = GO(DONE, 0),
	},
	[STATE_WAITING] = {
		[EVENT_SIGNAL] = GO(DONE, KEEP),
		[EVENT_SECOND_SIGNAL] = GO(DONE, SIGNAL),
		[EVENT_TIMEOUT] = GO(STARTING, START),
	},
};

/* clang-format on */

static const char *const state_names[STATE_COUNT] = {"starting", "running", "draining", "ending",
	"closing", "cutting", "settling", "restarting", "clearing", "killing", "waiting", "done"};

static const char *const event_names[EVENT_COUNT] = {"ready", "signal", "second signal",
	"worker died", "worker recycled", "worker lost", "endpoint died", "fatal", "closing",
	"stuck", "timeout", "reaped"};

struct supervise_step supervise(enum supervise_state state, enum supervise_event event)
{
	assert(state < STATE_COUNT && event < EVENT_COUNT);
	if (!table[state][event].listed)
		return (struct supervise_step){state, 0};
	return table[state][event].step;
}

const char *supervise_state_name(enum supervise_state state)
{
	return state_names[state];
}

const char *supervise_event_name(enum supervise_event event)
{
	return event_names[event];
}
