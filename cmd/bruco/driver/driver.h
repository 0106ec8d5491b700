/*
 * The engine under the supervision table: it starts the stages, hears what they say, reaps them,
 * tells supervise() what has happened and does what the table answers. One poll loop, no threads.
 */
#ifndef BRUCO_DRIVER_DRIVER_H
#define BRUCO_DRIVER_DRIVER_H

#include <stdbool.h>
#include <stdint.h>

#include "bruco/driver/exit_text.h"
#include "bruco/driver/process.h"
#include "bruco/driver/restarts.h"
#include "bruco/driver/supervise.h"
#include "bruco/driver/watchdog.h"
#include "bruco/log/relay.h"
#include "config/config.h"

enum {
	GRACE_MS = 5000,  /* for sink and source after the shutdown deadline */
	SETTLE_MS = 2000, /* for those that are left when source or sink has died */
	CAUSE_MS = 100    /* what source and sink have to die of the same thing */
};

struct worker_slot {
	struct process process;
	uint32_t life;     /* of the worker that runs or is to be started next; 0 is the first */
	unsigned failures; /* lives in a row that ended before they were ready */
	int64_t start_at;  /* ms; -1: no start is due */
	bool gone;         /* it will have no worker any more */
	int death;         /* how the life before ended, as waitpid(2) says */
	struct page_snapshot page;        /* and what it was doing */
	struct event_mark last_accounted; /* the last event that is accountable for a death */
	struct watch watch;               /* over the life that runs */
	bool recycles;                    /* that life has said that it ends between two events */
	bool overdue;                     /* that life was killed for an event that took too long */
};

struct endpoint_exit {
	bool due;   /* reaped, not judged yet */
	int how;    /* as waitpid(2) says */
	int64_t at; /* ms */
};

struct driver {
	const struct config *config;
	struct launch launch;
	struct relay relay;
	int signal_fd;
	enum supervise_state state;
	struct restarts restarts;
	int64_t deadline;    /* of the state, ms; -1: none */
	bool was_ready;      /* this start: all were ready together */
	unsigned failures;   /* starts in a row that did not become ready */
	bool source_started; /* it was told that everybody else is ready */
	bool ever_ready;     /* a worker was, since the driver began */
	unsigned signals;    /* that ask for an end */
	int64_t oom_kills;   /* of the control group, as far as they are told; -1: not known */
	struct process source;
	struct process sink;
	struct endpoint_exit endpoint_exits[2]; /* of source and sink */
	struct worker_slot *slots;
	uint32_t slot_count;
	char last_death[TEXT_MAX]; /* of source or sink, in words */
	uint64_t unfinished;       /* records that no source of ours will read again */
	int status;
	bool unread;           /* its cause is that nobody reads standard output any more */
	char reason[TEXT_MAX]; /* of the status */
	int signal;            /* to die by; 0: none */
};

/* One event with all that the actions may need. */
struct occurrence {
	enum supervise_event event;
	struct worker_slot *slot; /* of a worker's event */
	int status;               /* for ACTION_KEEP_STATUS */
	bool unread;              /* for ACTION_KEEP_STATUS, of the pipeline's */
	int signal;               /* for ACTION_KEEP_SIGNAL */
	const char *text;         /* what happened, for people */
};

/*
 * Runs until everything is over. Returns the exit status, or, when it was ended by a second signal,
 * 0 and *signal_number to die by. `signal_fd` is signals_init's.
 */
int driver_run(const struct config *config, const char *venv, bool stop_at_end, int signal_fd,
	int *signal_number);

/* ---- between the files of the driver */

/* All stages in one row: source, sink, then the workers. */
uint32_t driver_process_count(const struct driver *driver);
struct process *driver_process(struct driver *driver, uint32_t index);

/* Takes all messages of a stage that are there. At end of file its socket is closed: it ends. */
void driver_read_control(struct driver *driver, uint32_t index);

/* Whether a source that is started again reads what is not done once more. Standard input does not
 * come again: what was read of it and not delivered dies with source or sink. */
bool driver_rewinds(const struct driver *driver);

/* Reaps all that is dead. Source and sink are judged then, or up to CAUSE_MS later. */
void driver_reap(struct driver *driver);
void driver_judge_endpoints(struct driver *driver, int64_t now_ms);

/* Asks the table and does what it says. */
void driver_fire(struct driver *driver, const struct occurrence *occurrence);

/* Judges a process that could not be started: `why` says so. `slot` is a worker's, else NULL. */
void driver_not_started(
	struct driver *driver, struct process *process, struct worker_slot *slot, const char *why);

/* Looks at the workers' pages for events that take too long, if it is time; when that is, ms, -1
 * for never. */
void driver_watch(struct driver *driver, int64_t now_ms);
int64_t driver_watch_deadline(const struct driver *driver);

/* Starts the worker of a lane whose start is due. */
void driver_start_worker(struct driver *driver, struct worker_slot *slot);

#endif
