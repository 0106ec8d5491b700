/*
 * Whether a worker's event takes too long, from what its page says and from the time: a state
 * machine a worker. It knows no processes and no clock; watchdog_signals.c does what it orders.
 *
 * The page is only a claim, user code can write to it. So a beginning that can't be true is not
 * believed, and an event is another one as soon as anything about it differs.
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
	WATCH_IDLE_MS = 100,   /* an idle worker is not looked at more often */
	WATCH_TICK_MS = 10     /* the page's clock may be behind by that */
};

enum watch_order {
	WATCH_NOTHING,
	WATCH_LONG,    /* warn */
	WATCH_TIMEOUT, /* the time is up: say so and alarm the worker */
	WATCH_ALARM,   /* alarm it again */
	WATCH_DUMP,    /* have it show what its threads do */
	WATCH_KILL
};

/* What the page says. */
struct watch_claim {
	uint32_t state; /* enum run_state */
	uint32_t attempt;
	uint64_t seq;
	int64_t since_ns;
};

struct watch {
	int64_t due_ms;    /* when to look again; late orders are WATCH_IDLE_MS late at most */
	int64_t looked_ms; /* the last time */
	bool running;      /* what follows is of `event` */
	struct watch_claim event;
	int64_t begun_ms;
	enum watch_order given; /* the furthest order; WATCH_ALARM counts as WATCH_TIMEOUT */
	int64_t given_ms;       /* when */
	int64_t next_ms;        /* of the next warning or alarm */
};

/* A worker's life begins; due at once. */
void watch_begin(struct watch *watch, int64_t now_ms);

/* `timeout_ms` is processor.timeout, 0: none. All times are monotonic. */
enum watch_order watch_look(
	struct watch *watch, const struct watch_claim *claim, int64_t timeout_ms, int64_t now_ms);

struct watch_claim watch_read(struct page *page);

#endif
