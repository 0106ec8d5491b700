/*
 * The engine under the supervision table: it starts the processes, reads their messages, reaps
 * them, asks supervise() about each event and does the actions. One poll loop, no threads.
 */
#ifndef BRUCO_DRIVER_DRIVER_H
#define BRUCO_DRIVER_DRIVER_H

#include <stdbool.h>
#include <stdint.h>

#include "bruco/driver/exit_text.h"
#include "bruco/driver/instance.h"
#include "bruco/driver/pauses.h"
#include "bruco/driver/process.h"
#include "bruco/driver/reload.h"
#include "bruco/driver/renewal.h"
#include "bruco/driver/restarts.h"
#include "bruco/driver/scrapes.h"
#include "bruco/driver/spread.h"
#include "bruco/driver/stack_query.h"
#include "bruco/driver/supervise.h"
#include "bruco/driver/watchdog.h"
#include "bruco/log/relay.h"
#include "bruco/monitor/console.h"
#include "bruco/monitor/overview.h"
#include "config/config.h"

enum {
	GRACE_MS = 5000,  /* for sink and source after the shutdown deadline */
	SETTLE_MS = 2000, /* for the other one when source or sink has died */
	CAUSE_MS = 100    /* within which source and sink die of the same cause */
};

struct worker_slot {
	struct process process;
	uint32_t life; /* number of the worker that runs or starts next in this lane; 0 is the first
			*/
	unsigned failures;                /* workers in a row that ended before they were ready */
	int64_t start_at;                 /* ms; -1: no start is due */
	bool gone;                        /* the lane gets no worker any more */
	int death;                        /* how the worker before ended, as waitpid(2) says */
	struct page_snapshot page;        /* and what that worker was doing */
	struct event_mark last_accounted; /* the last event that accounted for a death */
	struct watch watch;               /* the watchdog of the worker that runs */
	struct stack_query stack;
	bool recycles; /* that worker announced that it ends between two events */
	bool renew;    /* a new worker is to take its place, */
	bool retires;  /* which it was told */
	bool leaves;   /* it is to end, and nobody takes its place (spread.h) */
	int64_t retires_at; /* ms, when */
	bool overdue;  /* that worker was killed for an event that took too long */
};

struct endpoint_exit {
	bool due;   /* reaped, not judged yet */
	int how;    /* as waitpid(2) says */
	int64_t at; /* ms */
};

struct driver {
	struct config *config;
	struct launch launch;
	struct instance instance;
	struct relay relay;
	struct console console;
	struct scrapes scrapes;
	struct driver_pauses pauses;
	int signal_fd;
	enum supervise_state state;
	struct restarts restarts;
	int64_t deadline;    /* when the state times out, ms; -1: never */
	bool was_ready;      /* in this start, all processes were ready together */
	unsigned failures;   /* starts of the pipeline in a row that did not become ready */
	bool source_started; /* START was sent to the source */
	bool ever_ready;     /* some worker was ready, at any time since the driver began */
	unsigned signals;    /* how many came that ask for an end */
	int64_t oom_kills;   /* the control group's count, as far as deaths were ascribed to it; -1:
				not known */
	struct process source;
	struct process sink;
	struct endpoint_exit endpoint_exits[2]; /* of source and sink */
	struct worker_slot *slots;
	struct renewal renewal;
	struct reload reload;
	struct driver_spread spread;
	uint32_t slot_count; /* of room for LIMIT_LANES */
	uint32_t depth; /* events that are in the hands of a worker at once, for the source */
	char last_death[TEXT_MAX]; /* the last death of source or sink, in words */
	uint64_t unfinished;       /* records that no source will read again */
	struct tally tally;  /* of the processes that have ended, and of all restarts */
	struct board *last_board; /* of the source that ended last; NULL: none */
	int64_t begun_at;    /* ms */
	int64_t ready_at;    /* ms, for the first time; 0: never yet */
	int status;
	bool unread;           /* the driver ends because nobody reads standard output any more */
	char reason[TEXT_MAX]; /* why the status is not 0 */
	int signal;            /* with which the driver is to die; 0: none */
};

/* One event with all that the actions may need. */
struct occurrence {
	enum supervise_event event;
	struct worker_slot *slot; /* of a worker's event */
	const struct process *process; /* that ended, with its cause */
	enum restart_cause cause;
	int status;               /* for ACTION_KEEP_STATUS */
	bool unread;      /* for ACTION_KEEP_STATUS: nobody reads standard output any more */
	int signal;       /* for ACTION_KEEP_SIGNAL */
	const char *text; /* what happened, for people */
};

/*
 * Runs the pipeline until all of it has ended. Returns the exit status; when *signal_number is not
 * 0, the caller is to die by that signal instead. `source` is where the configuration can be read again,
 * or NULL; *config is the caller's, but a reload exchanges parts of it. `signal_fd` is signals_init's.
 * Ends the program as launch_init does.
 */
int driver_run(struct config *config, const struct reload_source *source, const char *venv,
	bool stop_at_end, int signal_fd, int *signal_number);

/* ---- between the files of the driver */

/* All processes in one row: source, sink, then the workers. Behind them the standby, which is none of
 * the pipeline's yet, but a child as the others are. */
uint32_t driver_process_count(const struct driver *driver);
uint32_t driver_child_count(const struct driver *driver);
struct process *driver_process(struct driver *driver, uint32_t index);

/* Reads and handles all messages that a process has sent. Closes its socket at end of file: the
 * process ends then. */
void driver_read_control(struct driver *driver, uint32_t index);

/* Whether a new source reads again what is not done. Standard input can't be read again: what was
 * read of it and not delivered is lost with source or sink. */
bool driver_rewinds(const struct driver *driver);

/* Reaps all dead processes and judges the workers at once, source and sink up to CAUSE_MS later.
 * */
void driver_reap(struct driver *driver);
void driver_judge_endpoints(struct driver *driver, int64_t now_ms);

/* Asks the table about the event, changes the state and does the actions. */
void driver_fire(struct driver *driver, const struct occurrence *occurrence);

/* Judges a process that could not be started: `why` says so. `slot` is a worker's, else NULL. */
void driver_not_started(
	struct driver *driver, struct process *process, struct worker_slot *slot, const char *why);

/* Looks at the workers' pages for events that take too long, if it is time. The deadline says when
 * it is, in ms; -1: never. */
void driver_watch(struct driver *driver, int64_t now_ms);
int64_t driver_watch_deadline(const struct driver *driver);

/* What the pipeline looks like now. The caller releases it. */
void driver_look(struct driver *driver, struct overview *overview);

/* What a worker claims to run, by its page; NULL: it has none. */
void driver_look_at_run(struct overview_run *run, struct page *page);

/* A copy of the source's board, which the caller frees; NULL: there is none to be read now. */
struct board *driver_copy_board(const struct driver *driver);

/* requests.c: the console, without which it goes on as well. `polls` is console_poll's. */
void driver_open_console(struct driver *driver);
void driver_serve_console(struct driver *driver, const struct pollfd *polls, int64_t now_ms);

/* pauses.c: pauses or resumes a partition, -1: all, of a topic, NULL: all; the client hears of it when the
 * source obeys. False: there are too many orders. */
bool driver_pause(
	struct driver *driver, bool pause, const char *topic, int32_t partition, uint64_t client);
void driver_send_pauses(struct driver *driver); /* to a new source */
void driver_pauses_obeyed(struct driver *driver, uint64_t number);

/* requests_pause.c: the requests, and telling the client which partitions its request was about. */
void driver_answer_pause_request(
	struct driver *driver, const json_t *request, struct console_client *client);
void driver_answer_resume_request(
	struct driver *driver, const json_t *request, struct console_client *client);
void driver_answer_pause(struct driver *driver, struct console_client *client,
	const struct pause_request *request);

/* scrapes.c: the HTTP endpoint of metrics.listen. Ends the program when it can't listen there. */
void driver_open_scrapes(struct driver *driver);

/* requests.c: answers to those who wait. `ended`: all workers are new, not only the first. */
void driver_answer_restarted(
	struct driver *driver, uint32_t lane, struct console_client *client);
void driver_answer_reloaded(struct driver *driver, bool ended);
void driver_refuse_reload(
	struct driver *driver, int status, const char *why, const struct buf *log);

void driver_refuse_restart(struct driver *driver, uint32_t lane, int status, const char *why);

/* Tells the worker to end between two events. */
void driver_retire(struct worker_slot *slot);

/* Tells the sink that the lane gets no worker any more: none runs there. */
void driver_cut_off(struct driver *driver, struct worker_slot *slot);

/* Both pipes of a worker; 0, or -1 with errno and nothing open. */
int driver_worker_pipes(uint32_t lanes, int in[2], int out[2]);

/* requests_tap.c: hands a tap's two ends to a stage and to the client. */
void driver_answer_tap(
	struct driver *driver, const json_t *request, struct console_client *client);

/* Logs the summary of what was done so far. */
void driver_summarize(struct driver *driver, enum log_level level);

/* Keeps what a process has counted, before process_reaped; and that the one that has ended is started
 * again. */
void driver_count_ended(struct driver *driver, struct process *process);
void driver_count_restart(struct driver *driver, const struct occurrence *occurrence);

/* Starts the next worker of a lane. If that fails, the end is judged as a death. */
void driver_start_worker(struct driver *driver, struct worker_slot *slot);

#endif
