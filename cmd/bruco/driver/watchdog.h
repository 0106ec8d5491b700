/*
 * Decides from a worker's page and the time whether the worker's event takes too long: one state
 * machine for each worker. It knows no processes and no clock; watchdog_signals.c carries out its
 * orders. The page is only a claim, since user code can write to it. So a beginning that can't be
 * true is not believed, and an event counts as another one as soon as anything about it differs.
 */
#ifndef BRUCO_DRIVER_WATCHDOG_H
#define BRUCO_DRIVER_WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>

#include "stats/page.h"

enum {
	WATCH_AGAIN_MS = 1000, /* between alarms */
	WATCH_GRACE_MS = 2000, /* from the first alarm to the traceback */
	WATCH_DUMP_MS = 200,   /* from the traceback to the end */
	WATCH_LONG_MS = 30000, /* without a timeout: to the first warning; then doubled */
	WATCH_IDLE_MS = 100,   /* the shortest time between two looks at an idle worker */
	WATCH_TICK_MS = 10     /* the page's clock may be behind by that */
};

enum watch_order {
	WATCH_NOTHING,
	WATCH_LONG,    /* warn */
	WATCH_TIMEOUT, /* the time is up: log it and send the first alarm */
	WATCH_ALARM,   /* send another alarm */
	WATCH_DUMP,    /* have the worker print its threads' tracebacks */
	WATCH_KILL
};

/* What the worker's page claims. */
struct watch_claim {
	uint32_t state; /* enum run_state */
	uint32_t attempt;
	uint64_t seq;
	int64_t since_ns;
};

struct watch {
	int64_t due_ms;    /* when to look again; late orders are WATCH_IDLE_MS late at most */
	int64_t looked_ms; /* when the page was last looked at */
	bool running;      /* what follows is of `event` */
	struct watch_claim event;
	int64_t begun_ms;
	enum watch_order given; /* the furthest order; WATCH_ALARM counts as WATCH_TIMEOUT */
	int64_t given_ms;       /* when */
	int64_t next_ms;        /* of the next warning or alarm */
};

/* A worker has become ready; the first look is due at once. */
void watch_begin(struct watch *watch, int64_t now_ms);

/* `timeout_ms` is processor.timeout, 0: none. All times are monotonic. */
enum watch_order watch_look(
	struct watch *watch, const struct watch_claim *claim, int64_t timeout_ms, int64_t now_ms);

struct watch_claim watch_read(struct page *page);

#endif
