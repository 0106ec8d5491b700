/*
 * What a running pipeline looks like from outside: plain facts, gathered by the driver when somebody
 * asks, and shown as a table, as JSON, as metrics or in a line. Numbers that a worker's page or the
 * board says are claims of those processes.
 */
#ifndef BRUCO_MONITOR_OVERVIEW_H
#define BRUCO_MONITOR_OVERVIEW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "stats/board.h"
#include "stats/histogram.h"
#include "stats/page.h"

enum overview_role { OVERVIEW_SOURCE, OVERVIEW_SINK, OVERVIEW_WORKER, OVERVIEW_ROLES };

extern const char *const overview_role_names[OVERVIEW_ROLES];

/* Why a process was started again. */
enum restart_cause {
	RESTART_SIGNAL,   /* it died of a signal */
	RESTART_EXIT,     /* it ended by itself */
	RESTART_TIMEOUT,  /* killed: an event took too long */
	RESTART_MEMORY,   /* killed by the kernel for lack of memory */
	RESTART_RECYCLED, /* maxEvents, maxMemory, bruco restart or a reload */
	RESTART_CAUSES
};

extern const char *const restart_cause_names[RESTART_CAUSES];

/* Why an event failed for good. */
enum failure_reason {
	FAILURE_HANDLER, /* the handler raised, rejected, took too long */
	FAILURE_DEATH,   /* its worker died of it */
	FAILURE_REFUSED, /* the broker does not take what it gave */
	FAILURE_REASONS
};

extern const char *const failure_reason_names[FAILURE_REASONS];

/* What all processes of a role have counted, the ended ones too; gauges of the living ones only. */
struct tally {
	uint64_t counters[OVERVIEW_ROLES][COUNT_MAX];
	struct histogram_sum times[OVERVIEW_ROLES];
	uint64_t restarts[OVERVIEW_ROLES][RESTART_CAUSES];
};

void tally_add(struct tally *tally, enum overview_role role, struct page *page, bool gauges);
uint64_t tally_restarts(const struct tally *tally);
uint64_t tally_failed(const struct tally *tally, enum failure_reason reason);

struct overview_stage {
	const char *name;
	enum overview_role role;
	pid_t pid;       /* 0: it does not run */
	int64_t up_ms;   /* since it was started */
	uint64_t cpu_ms; /* user and system, of this process */
	uint64_t memory; /* resident bytes */
	uint64_t starts; /* how often a process was started, at least 1 once it ran */
	bool ready;
};

/* What a worker does now. */
struct overview_run {
	uint32_t state; /* enum run_state */
	uint32_t attempt;
	uint64_t seq;
	int64_t for_ms; /* since it began; 0 when idle */
};

struct overview {
	const char *name;   /* of the pipeline */
	const char *state;  /* the driver's */
	char unready[256];  /* why not all processes are ready, or the driver does not run them; else "" */
	int64_t up_ms;      /* since the driver began */
	int64_t ready_ms;   /* since it was ready for the first time; 0: never yet */
	struct tally tally;
	struct overview_stage *stages; /* source, sink, workers */
	struct overview_run *runs;     /* one a worker */
	uint32_t workers;
	int64_t rate_limit;  /* records an hour that the source may take; 0: any */
	struct board *board; /* a copy; NULL: there is none, or it could not be read */
	int64_t now_ms;      /* clock_ms when this was made */
	int64_t wall_ms;     /* since 1970 */
};

/* Frees what it holds. */
void overview_release(struct overview *overview);

/* ---- what follows from it */

/* Records between what is committed (else taken) and the end; -1: the end is not known. */
int64_t overview_lag(const struct board_partition *row);

/* Of all partitions; -1: none is known. */
int64_t overview_lag_sum(const struct overview *overview);

/* Milliseconds that the newest record taken is old, when there is a lag; else 0. -1: not known. */
int64_t overview_lag_ms(const struct overview *overview, const struct board_partition *row);

/* Milliseconds since the oldest record that is not done was given to its worker; 0: there is none. */
int64_t overview_oldest_ms(const struct overview *overview);

/* What this partition waits for, in words: "moving", "at the end", "paused", "waits for lane 2". */
void overview_why(char text[64], const struct board_partition *row);

/* NULL, or why the pipeline is not to be called ready, in words that last until the next call: it
 * is starting or stopping, a worker does not start, no broker answers, or there is work and for
 * `stall_ms` none of it was done in some partition. */
const char *overview_unready(const struct overview *overview, int64_t stall_ms);

#endif
