/*
 * What follows from the end of a worker, of the source or of the sink, decided from plain values:
 * no processes, no clock, no log. exits.c gathers the facts and carries out the judgement; the
 * table in supervise.c says what the driver does on the event.
 */
#ifndef BRUCO_DRIVER_JUDGE_H
#define BRUCO_DRIVER_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "bruco/driver/role.h"
#include "bruco/driver/supervise.h"

struct exit_facts {
	enum process_role role;
	enum supervise_state state; /* of the driver */

	/* The process. */
	bool never_ran;     /* it could not be started; then the other facts about it are zero */
	int how;            /* as waitpid(2) says */
	bool ready;         /* it had reported that it is ready */
	bool killed;        /* by the driver */
	bool overdue;       /* worker: it was killed for an event that ran too long */
	bool out_of_memory; /* the kernel killed it because memory was short */
	bool final;         /* source, sink: it has said that a new start would do no better */
	bool waited;        /* source, sink: it was not ready within maxWait */
	bool recycles;      /* worker: it had announced that it ends between two events */
	uint32_t run;       /* worker: enum run_state, as its page claims */
	bool accounted;     /* worker: an event pays for this death with one of its attempts */

	/* The pipeline. */
	bool worker_was_ready;  /* one of the workers, at any time since the driver began */
	bool source_started;    /* the source may have read records */
	bool source_connected;  /* its control socket is open */
	bool sink_connected;    /* likewise */
	bool lanes_are_gone;    /* no lane will have a worker any more */
	bool rewinds;           /* what is not done comes to a new source again, or its sender knows */
	bool stops_at_failure;  /* processor.onFailure is stop */
	bool restart_available; /* maxRestarts allows one more now */
};

/* Why, as exit_reason puts it into words. */
enum exit_reason {
	REASON_DEATH, /* the death itself */
	REASON_HANDLER_FAILED,
	REASON_CANNOT_START,  /* the first workers end while they start, finally */
	REASON_STOP_IS_FIRST, /* the driver stops and does not wait for a back-off */
	REASON_RESTARTS_USED_UP,
	REASON_INPUT_IS_LOST, /* standard input can't be read again */
	REASON_OUTPUT_UNREAD  /* nobody reads standard output any more */
};

/* What is logged as a warning before the event. */
enum exit_warning {
	WARN_NOTHING,
	WARN_DEATH,
	WARN_RESTART /* the death, and that the whole pipeline is restarted */
};

/* What becomes of the lines of starting workers that the relay holds back. */
enum exit_held {
	HELD_STAYS,
	HELD_IS_SHOWN,
	HELD_OF_THIS_WORKER /* the others' are dropped: they end for the same reason */
};

struct judgement {
	bool fires; /* `event` happens; false: nothing follows */
	enum supervise_event event;
	int status; /* with which the driver ends, if the table keeps it */
	enum exit_reason reason;
	enum exit_warning warning;
	enum exit_held held;
	bool takes_restart; /* one of maxRestarts is used */
};

struct judgement judge_exit(const struct exit_facts *facts);

/* Whether no work is left in this state, so that every process may end. */
bool judge_is_over(enum supervise_state state);

/* Whether source or sink may have ended only because the other one did. Then one ends with status
 * 75, or with 0, as if all were done, and that says nothing of the cause. */
bool judge_is_consequence(enum supervise_state state, int how);

#endif
