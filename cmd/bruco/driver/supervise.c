#include "bruco/driver/supervise.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* clang-format off */
#define STAY(state)        {STATE_##state, 0}
#define GO(state, actions) {STATE_##state, (actions)}
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
static const struct supervise_step table[STATE_COUNT][EVENT_COUNT] = {
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
		[EVENT_TIMEOUT] = STAY(STARTING),
		[EVENT_REAPED] = STAY(STARTING),
	},
	[STATE_RUNNING] = {
		[EVENT_READY] = STAY(RUNNING), /* a worker's successor */
		[EVENT_SIGNAL] = GO(DRAINING, DRAIN),
		[EVENT_SECOND_SIGNAL] = GO(KILLING, SIGNAL | KILL_ALL),
		[EVENT_WORKER_DIED] = GO(RUNNING, REPLACE),
		[EVENT_WORKER_RECYCLED] = GO(RUNNING, REPLACE),
		[EVENT_WORKER_LOST] = GO(DRAINING, KEEP | CUT | DRAIN),
		[EVENT_ENDPOINT_DIED] = GO(RESTARTING, SETTLE),
		[EVENT_FATAL] = GO(SETTLING, KEEP | SETTLE),
		[EVENT_CLOSING] = GO(ENDING, ARM),
		[EVENT_STUCK] = GO(DRAINING, KEEP | DRAIN),
		[EVENT_TIMEOUT] = STAY(RUNNING),
		[EVENT_REAPED] = STAY(RUNNING),
	},
	[STATE_DRAINING] = {
		[EVENT_READY] = STAY(DRAINING),
		[EVENT_SIGNAL] = STAY(DRAINING), /* it drains already, for another reason */
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
		[EVENT_REAPED] = STAY(DONE),
	},
	[STATE_ENDING] = {
		[EVENT_READY] = STAY(ENDING),
		[EVENT_SIGNAL] = GO(CLOSING, KILL_UNREADY),
		[EVENT_SECOND_SIGNAL] = GO(KILLING, SIGNAL | KILL_ALL),
		[EVENT_WORKER_DIED] = STAY(ENDING), /* that is how they end */
		[EVENT_WORKER_RECYCLED] = STAY(ENDING),
		[EVENT_WORKER_LOST] = GO(ENDING, KEEP),
		[EVENT_ENDPOINT_DIED] = GO(RESTARTING, SETTLE), /* was it the end? it will see */
		[EVENT_FATAL] = GO(SETTLING, KEEP | SETTLE),
		[EVENT_CLOSING] = STAY(ENDING),
		[EVENT_STUCK] = GO(ENDING, KEEP),
		[EVENT_TIMEOUT] = GO(KILLING, KILL_ALL), /* no work is left: not a failure */
		[EVENT_REAPED] = STAY(DONE),
	},
	[STATE_CLOSING] = {
		[EVENT_READY] = STAY(CLOSING),
		[EVENT_SIGNAL] = STAY(CLOSING),
		[EVENT_SECOND_SIGNAL] = GO(KILLING, SIGNAL | KILL_ALL),
		[EVENT_WORKER_DIED] = STAY(CLOSING),
		[EVENT_WORKER_RECYCLED] = STAY(CLOSING),
		[EVENT_WORKER_LOST] = GO(CLOSING, KEEP),
		[EVENT_ENDPOINT_DIED] = GO(SETTLING, KEEP | SETTLE),
		[EVENT_FATAL] = GO(SETTLING, KEEP | SETTLE),
		[EVENT_CLOSING] = STAY(CLOSING),
		[EVENT_STUCK] = GO(CLOSING, KEEP),
		[EVENT_TIMEOUT] = GO(KILLING, KILL_ALL),
		[EVENT_REAPED] = STAY(DONE),
	},
	[STATE_CUTTING] = {
		[EVENT_READY] = STAY(CUTTING),
		[EVENT_SIGNAL] = STAY(CUTTING),
		[EVENT_SECOND_SIGNAL] = GO(KILLING, SIGNAL | KILL_ALL),
		[EVENT_WORKER_DIED] = GO(CUTTING, CUT),
		[EVENT_WORKER_RECYCLED] = GO(CUTTING, CUT),
		[EVENT_WORKER_LOST] = GO(CUTTING, CUT),
		[EVENT_ENDPOINT_DIED] = STAY(CUTTING), /* the other one sees the link end, or the deadline */
		[EVENT_FATAL] = STAY(CUTTING),
		[EVENT_CLOSING] = STAY(CUTTING),
		[EVENT_STUCK] = GO(CUTTING, KEEP),
		[EVENT_TIMEOUT] = GO(KILLING, KILL_ALL),
		[EVENT_REAPED] = STAY(DONE),
	},
	[STATE_SETTLING] = {
		[EVENT_READY] = STAY(SETTLING),
		[EVENT_SIGNAL] = STAY(SETTLING),
		[EVENT_SECOND_SIGNAL] = GO(KILLING, SIGNAL | KILL_ALL),
		[EVENT_WORKER_DIED] = STAY(SETTLING),
		[EVENT_WORKER_RECYCLED] = STAY(SETTLING),
		[EVENT_WORKER_LOST] = STAY(SETTLING),
		[EVENT_ENDPOINT_DIED] = STAY(SETTLING),
		[EVENT_FATAL] = STAY(SETTLING),
		[EVENT_CLOSING] = STAY(SETTLING),
		[EVENT_STUCK] = STAY(SETTLING),
		[EVENT_TIMEOUT] = GO(KILLING, KILL_ALL),
		[EVENT_REAPED] = STAY(DONE),
	},
	[STATE_RESTARTING] = {
		[EVENT_READY] = STAY(RESTARTING),
		/* Not all was drained: a status of 0 would promise that nothing is repeated. */
		[EVENT_SIGNAL] = GO(SETTLING, KEEP),
		[EVENT_SECOND_SIGNAL] = GO(KILLING, SIGNAL | KILL_ALL),
		[EVENT_WORKER_DIED] = STAY(RESTARTING),
		[EVENT_WORKER_RECYCLED] = STAY(RESTARTING),
		[EVENT_WORKER_LOST] = GO(SETTLING, KEEP),
		[EVENT_ENDPOINT_DIED] = STAY(RESTARTING),
		[EVENT_FATAL] = GO(SETTLING, KEEP), /* it had ended before it was killed */
		[EVENT_CLOSING] = STAY(RESTARTING),
		[EVENT_STUCK] = STAY(RESTARTING),
		[EVENT_TIMEOUT] = GO(CLEARING, KILL_ALL),
		[EVENT_REAPED] = GO(WAITING, BACK_OFF),
	},
	[STATE_CLEARING] = {
		[EVENT_READY] = STAY(CLEARING),
		[EVENT_SIGNAL] = GO(KILLING, KEEP),
		[EVENT_SECOND_SIGNAL] = GO(KILLING, SIGNAL | KILL_ALL),
		[EVENT_WORKER_DIED] = STAY(CLEARING),
		[EVENT_WORKER_RECYCLED] = STAY(CLEARING),
		[EVENT_WORKER_LOST] = GO(KILLING, KEEP),
		[EVENT_ENDPOINT_DIED] = STAY(CLEARING),
		[EVENT_FATAL] = GO(KILLING, KEEP),
		[EVENT_CLOSING] = STAY(CLEARING),
		[EVENT_STUCK] = STAY(CLEARING),
		[EVENT_TIMEOUT] = GO(DONE, KEEP | ABANDON),
		[EVENT_REAPED] = GO(WAITING, BACK_OFF),
	},
	[STATE_KILLING] = {
		[EVENT_READY] = STAY(KILLING),
		[EVENT_SIGNAL] = STAY(KILLING),
		[EVENT_SECOND_SIGNAL] = GO(KILLING, SIGNAL),
		[EVENT_WORKER_DIED] = STAY(KILLING),
		[EVENT_WORKER_RECYCLED] = STAY(KILLING),
		[EVENT_WORKER_LOST] = STAY(KILLING),
		[EVENT_ENDPOINT_DIED] = STAY(KILLING),
		[EVENT_FATAL] = STAY(KILLING),
		[EVENT_CLOSING] = STAY(KILLING),
		[EVENT_STUCK] = STAY(KILLING),
		[EVENT_TIMEOUT] = GO(DONE, KEEP | ABANDON),
		[EVENT_REAPED] = STAY(DONE),
	},
	[STATE_WAITING] = {
		[EVENT_READY] = STAY(WAITING),
		[EVENT_SIGNAL] = GO(DONE, KEEP),
		[EVENT_SECOND_SIGNAL] = GO(DONE, SIGNAL),
		[EVENT_WORKER_DIED] = STAY(WAITING),
		[EVENT_WORKER_RECYCLED] = STAY(WAITING),
		[EVENT_WORKER_LOST] = STAY(WAITING),
		[EVENT_ENDPOINT_DIED] = STAY(WAITING),
		[EVENT_FATAL] = STAY(WAITING),
		[EVENT_CLOSING] = STAY(WAITING),
		[EVENT_STUCK] = STAY(WAITING),
		[EVENT_TIMEOUT] = GO(STARTING, START),
		[EVENT_REAPED] = STAY(WAITING),
	},
	[STATE_DONE] = {
		[EVENT_READY] = STAY(DONE),
		[EVENT_SIGNAL] = STAY(DONE),
		[EVENT_SECOND_SIGNAL] = STAY(DONE),
		[EVENT_WORKER_DIED] = STAY(DONE),
		[EVENT_WORKER_RECYCLED] = STAY(DONE),
		[EVENT_WORKER_LOST] = STAY(DONE),
		[EVENT_ENDPOINT_DIED] = STAY(DONE),
		[EVENT_FATAL] = STAY(DONE),
		[EVENT_CLOSING] = STAY(DONE),
		[EVENT_STUCK] = STAY(DONE),
		[EVENT_TIMEOUT] = STAY(DONE),
		[EVENT_REAPED] = STAY(DONE),
	},
};

/* clang-format on */

static const char *const state_names[STATE_COUNT] = {"starting", "running", "draining", "ending",
	"closing", "cutting", "settling", "restarting", "clearing", "killing", "waiting", "done"};

static const char *const event_names[EVENT_COUNT] = {"ready", "signal", "second signal",
	"worker died", "worker recycled", "worker lost", "endpoint died", "fatal", "closing", "stuck",
	"timeout", "reaped"};

struct supervise_step supervise(enum supervise_state state, enum supervise_event event)
{
	assert(state < STATE_COUNT && event < EVENT_COUNT);
	return table[state][event];
}

const char *supervise_state_name(enum supervise_state state)
{
	return state_names[state];
}

const char *supervise_event_name(enum supervise_event event)
{
	return event_names[event];
}

void restarts_init(struct restarts *restarts, uint32_t most)
{
	*restarts = (struct restarts){.most = most};
}

void restarts_release(struct restarts *restarts)
{
	free(restarts->times);
	*restarts = (struct restarts){0};
}

bool restarts_take(struct restarts *restarts, int64_t now_ms)
{
	size_t old = 0;

	while (old < restarts->count && restarts->times[old] <= now_ms - RESTART_WINDOW_MS)
		old++;
	restarts->count -= old;
	if (old > 0)
		memmove(restarts->times, restarts->times + old,
			restarts->count * sizeof *restarts->times);
	if (restarts->count >= restarts->most)
		return false;
	if (restarts->count == restarts->capacity) {
		restarts->capacity = restarts->capacity * 2 + 8;
		restarts->times =
			mem_grow(restarts->times, restarts->capacity, sizeof *restarts->times);
	}
	restarts->times[restarts->count++] = now_ms;
	return true;
}

bool supervise_accounts_for(
	struct event_mark *last, const struct page_snapshot *page, uint32_t attempts)
{
	bool moves_on =
		page->seq > last->seq || (page->seq == last->seq && page->attempt > last->attempt);

	if (page->state == RUN_TOGETHER && page->first > last->together &&
		page->last >= page->first) {
		last->together = page->last;
		return true;
	}
	if (page->state != RUN_RUNNING || page->attempt >= attempts || !moves_on)
		return false;
	last->seq = page->seq;
	last->attempt = page->attempt;
	return true;
}

int64_t back_off_ms(unsigned failures)
{
	int64_t wait = BACK_OFF_FIRST_MS;

	if (failures == 0)
		return 0;
	while (--failures > 0 && wait < BACK_OFF_MOST_MS)
		wait *= 2;
	return wait < BACK_OFF_MOST_MS ? wait : BACK_OFF_MOST_MS;
}
