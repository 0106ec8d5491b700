/* The supervision table, cell by cell and as a whole. */

#include <stdio.h>
#include <string.h>

#include "bruco/driver/supervise.h"
#include "unit.h"

/*
 * Every cell as a line: state, event, next state, actions. Written down a second time on purpose:
 * a change of the driver's behaviour must be made in two places, and this one reads as a list.
 */
static const char *const expected[(int)STATE_COUNT * (int)EVENT_COUNT] = {
	"starting, ready: running: report-ready",
	"starting, signal: draining: drain arm",
	"starting, second signal: killing: keep-signal kill-all",
	"starting, worker died: starting: replace",
	"starting, worker recycled: starting: replace",
	"starting, worker lost: draining: keep-status cut-lane drain arm",
	"starting, endpoint died: restarting: settle",
	"starting, fatal: settling: keep-status settle",
	"starting, closing: ending: arm",
	"starting, stuck: draining: keep-status drain arm",
	"starting, timeout: starting:",
	"starting, reaped: starting:",

	"running, ready: running:",
	"running, signal: draining: drain arm",
	"running, second signal: killing: keep-signal kill-all",
	"running, worker died: running: replace",
	"running, worker recycled: running: replace",
	"running, worker lost: draining: keep-status cut-lane drain arm",
	"running, endpoint died: restarting: settle",
	"running, fatal: settling: keep-status settle",
	"running, closing: ending: arm",
	"running, stuck: draining: keep-status drain arm",
	"running, timeout: running:",
	"running, reaped: running:",

	"draining, ready: draining:",
	"draining, signal: draining:",
	"draining, second signal: killing: keep-signal kill-all",
	"draining, worker died: draining: replace",
	"draining, worker recycled: draining: replace",
	"draining, worker lost: draining: keep-status cut-lane",
	"draining, endpoint died: settling: keep-status settle",
	"draining, fatal: settling: keep-status settle",
	"draining, closing: closing: kill-unready",
	"draining, stuck: draining: keep-status",
	"draining, timeout: cutting: keep-status kill-workers",
	"draining, reaped: done:",

	"ending, ready: ending:",
	"ending, signal: closing: kill-unready",
	"ending, second signal: killing: keep-signal kill-all",
	"ending, worker died: ending:",
	"ending, worker recycled: ending:",
	"ending, worker lost: ending: keep-status",
	"ending, endpoint died: restarting: settle",
	"ending, fatal: settling: keep-status settle",
	"ending, closing: ending:",
	"ending, stuck: ending: keep-status",
	"ending, timeout: killing: kill-all",
	"ending, reaped: done:",

	"closing, ready: closing:",
	"closing, signal: closing:",
	"closing, second signal: killing: keep-signal kill-all",
	"closing, worker died: closing:",
	"closing, worker recycled: closing:",
	"closing, worker lost: closing: keep-status",
	"closing, endpoint died: settling: keep-status settle",
	"closing, fatal: settling: keep-status settle",
	"closing, closing: closing:",
	"closing, stuck: closing: keep-status",
	"closing, timeout: killing: kill-all",
	"closing, reaped: done:",

	"cutting, ready: cutting:",
	"cutting, signal: cutting:",
	"cutting, second signal: killing: keep-signal kill-all",
	"cutting, worker died: cutting: cut-lane",
	"cutting, worker recycled: cutting: cut-lane",
	"cutting, worker lost: cutting: cut-lane",
	"cutting, endpoint died: cutting:",
	"cutting, fatal: cutting:",
	"cutting, closing: cutting:",
	"cutting, stuck: cutting: keep-status",
	"cutting, timeout: killing: kill-all",
	"cutting, reaped: done:",

	"settling, ready: settling:",
	"settling, signal: settling:",
	"settling, second signal: killing: keep-signal kill-all",
	"settling, worker died: settling:",
	"settling, worker recycled: settling:",
	"settling, worker lost: settling:",
	"settling, endpoint died: settling:",
	"settling, fatal: settling:",
	"settling, closing: settling:",
	"settling, stuck: settling:",
	"settling, timeout: killing: kill-all",
	"settling, reaped: done:",

	"restarting, ready: restarting:",
	"restarting, signal: settling: keep-status",
	"restarting, second signal: killing: keep-signal kill-all",
	"restarting, worker died: restarting:",
	"restarting, worker recycled: restarting:",
	"restarting, worker lost: settling: keep-status",
	"restarting, endpoint died: restarting:",
	"restarting, fatal: settling: keep-status",
	"restarting, closing: restarting:",
	"restarting, stuck: restarting:",
	"restarting, timeout: clearing: kill-all",
	"restarting, reaped: waiting: back-off",

	"clearing, ready: clearing:",
	"clearing, signal: killing: keep-status",
	"clearing, second signal: killing: keep-signal kill-all",
	"clearing, worker died: clearing:",
	"clearing, worker recycled: clearing:",
	"clearing, worker lost: killing: keep-status",
	"clearing, endpoint died: clearing:",
	"clearing, fatal: killing: keep-status",
	"clearing, closing: clearing:",
	"clearing, stuck: clearing:",
	"clearing, timeout: done: keep-status abandon",
	"clearing, reaped: waiting: back-off",

	"killing, ready: killing:",
	"killing, signal: killing:",
	"killing, second signal: killing: keep-signal",
	"killing, worker died: killing:",
	"killing, worker recycled: killing:",
	"killing, worker lost: killing:",
	"killing, endpoint died: killing:",
	"killing, fatal: killing:",
	"killing, closing: killing:",
	"killing, stuck: killing:",
	"killing, timeout: done: keep-status abandon",
	"killing, reaped: done:",

	"waiting, ready: waiting:",
	"waiting, signal: done: keep-status",
	"waiting, second signal: done: keep-signal",
	"waiting, worker died: waiting:",
	"waiting, worker recycled: waiting:",
	"waiting, worker lost: waiting:",
	"waiting, endpoint died: waiting:",
	"waiting, fatal: waiting:",
	"waiting, closing: waiting:",
	"waiting, stuck: waiting:",
	"waiting, timeout: starting: start",
	"waiting, reaped: waiting:",

	"done, ready: done:",
	"done, signal: done:",
	"done, second signal: done:",
	"done, worker died: done:",
	"done, worker recycled: done:",
	"done, worker lost: done:",
	"done, endpoint died: done:",
	"done, fatal: done:",
	"done, closing: done:",
	"done, stuck: done:",
	"done, timeout: done:",
	"done, reaped: done:",
};

static void show(char *text, size_t size, enum supervise_state state, enum supervise_event event)
{
	static const char *const names[ACTION_COUNT] = {"keep-status", "keep-signal", "report-ready",
		"cut-lane", "replace", "drain", "arm", "kill-unready", "kill-workers", "settle",
		"kill-all", "abandon", "back-off", "start"};
	struct supervise_step step = supervise(state, event);
	size_t length = (size_t)snprintf(text, size, "%s, %s: %s:", supervise_state_name(state),
		supervise_event_name(event), supervise_state_name(step.next));

	for (int i = 0; i < ACTION_COUNT; i++)
		if (step.actions & 1U << i)
			length += (size_t)snprintf(text + length, size - length, " %s", names[i]);
}

TEST(every_cell)
{
	char text[256];

	for (int state = 0; state < STATE_COUNT; state++)
		for (int event = 0; event < EVENT_COUNT; event++) {
			show(text, sizeof text, (enum supervise_state)state,
				(enum supervise_event)event);
			CHECK_TEXT(text, expected[state * EVENT_COUNT + event]);
		}
}

static bool has(struct supervise_step step, unsigned actions)
{
	return (step.actions & actions) != 0;
}

/* Stages run in these; in the others they are dead or dying. */
static bool lives(enum supervise_state state)
{
	return state <= STATE_RESTARTING;
}

static bool settles(enum supervise_state state)
{
	return state == STATE_SETTLING || state == STATE_RESTARTING;
}

/* What must hold whatever the cells say. */
TEST(rules_of_the_table)
{
	for (int i = 0; i < STATE_COUNT; i++)
		for (int j = 0; j < EVENT_COUNT; j++) {
			enum supervise_state state = (enum supervise_state)i;
			enum supervise_event event = (enum supervise_event)j;
			struct supervise_step step = supervise(state, event);

			/* The driver never ends while a stage may be alive, unless it can't be
			 * killed; then it says so. */
			if (step.next == STATE_DONE && state != STATE_DONE)
				CHECK(event == EVENT_REAPED || state == STATE_WAITING ||
					has(step, ACTION_ABANDON));
			if (has(step, ACTION_ABANDON))
				CHECK(!lives(state) && event == EVENT_TIMEOUT &&
					step.next == STATE_DONE && has(step, ACTION_KEEP_STATUS));
			/* Nothing new starts before everything old is reaped. */
			if (has(step, ACTION_START))
				CHECK(state == STATE_WAITING && step.next == STATE_STARTING);
			if (step.next == STATE_WAITING && state != STATE_WAITING)
				CHECK(event == EVENT_REAPED && has(step, ACTION_BACK_OFF));
			/* Whoever goes from the living to the dying kills all, and only then. */
			if (lives(state) && !lives(step.next) && event != EVENT_REAPED)
				CHECK(has(step, ACTION_KILL_ALL));
			if (has(step, ACTION_KILL_ALL))
				CHECK(!lives(step.next) &&
					!has(step, ACTION_REPLACE | ACTION_DRAIN));
			/* Who settles has a deadline for it, and only then. */
			if (state <= STATE_CUTTING && settles(step.next))
				CHECK(has(step, ACTION_SETTLE));
			if (has(step, ACTION_SETTLE))
				CHECK(state <= STATE_CUTTING && settles(step.next));
			if (settles(state) && event == EVENT_TIMEOUT)
				CHECK(has(step, ACTION_KILL_ALL));
			/* A lane gets a successor or is told that there is none, not both. */
			CHECK(!(has(step, ACTION_REPLACE) && has(step, ACTION_CUT_LANE)));
			/* A failing end has a status; a drain has a deadline. */
			if (event == EVENT_FATAL && lives(state) && state != STATE_CUTTING &&
				state != STATE_SETTLING)
				CHECK(has(step, ACTION_KEEP_STATUS));
			if (has(step, ACTION_DRAIN))
				CHECK(has(step, ACTION_ARM) && step.next == STATE_DRAINING);
			/* What needs a lane comes only of events that have one. */
			if (has(step, ACTION_REPLACE | ACTION_CUT_LANE))
				CHECK(event == EVENT_WORKER_DIED || event == EVENT_WORKER_LOST ||
					event == EVENT_WORKER_RECYCLED);
			if (has(step, ACTION_KEEP_SIGNAL))
				CHECK(event == EVENT_SECOND_SIGNAL);
		}
}

/* While lanes may hold work, a worker that dies has a successor: draining is no excuse. */
TEST(workers_are_replaced_until_all_is_committed)
{
	CHECK(has(supervise(STATE_STARTING, EVENT_WORKER_DIED), ACTION_REPLACE));
	CHECK(has(supervise(STATE_RUNNING, EVENT_WORKER_DIED), ACTION_REPLACE));
	CHECK(has(supervise(STATE_DRAINING, EVENT_WORKER_DIED), ACTION_REPLACE));
	for (int state = STATE_ENDING; state < STATE_COUNT; state++)
		CHECK(!has(
			supervise((enum supervise_state)state, EVENT_WORKER_DIED), ACTION_REPLACE));
}

/* Recycling is a death like others, only that nobody counts it and nobody complains. */
TEST(recycled_workers_are_replaced_like_dead_ones)
{
	for (int i = 0; i < STATE_COUNT; i++) {
		enum supervise_state state = (enum supervise_state)i;
		struct supervise_step died = supervise(state, EVENT_WORKER_DIED);
		struct supervise_step recycled = supervise(state, EVENT_WORKER_RECYCLED);

		CHECK_INT(recycled.next, died.next);
		CHECK_INT(recycled.actions, died.actions);
	}
}

/* From every state two signals, the deadlines and the reaping lead to the end. */
TEST(two_signals_end_it_from_anywhere)
{
	for (int i = 0; i < STATE_COUNT; i++) {
		enum supervise_state state = (enum supervise_state)i;

		state = supervise(state, EVENT_SIGNAL).next;
		state = supervise(state, EVENT_SECOND_SIGNAL).next;
		state = supervise(state, EVENT_REAPED).next;
		CHECK_INT(state, STATE_DONE);
	}
}

TEST(one_signal_and_time_end_it_from_anywhere)
{
	for (int i = 0; i < STATE_COUNT; i++) {
		enum supervise_state state = supervise((enum supervise_state)i, EVENT_SIGNAL).next;

		for (int tries = 0; tries < 2; tries++)
			if (state != STATE_KILLING)
				state = supervise(state, EVENT_TIMEOUT).next;
		CHECK_INT(supervise(state, EVENT_REAPED).next, STATE_DONE);
		CHECK_INT(supervise(state, EVENT_TIMEOUT).next, STATE_DONE); /* it does not die */
	}
}

UNIT_MAIN
