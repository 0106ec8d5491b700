/*
 * The shared page: one page of memory a stage, made by the driver, written by that stage alone (but for
 * `retire`) and read by the driver while it runs and after it has died. It says what the stage is doing
 * now (for blame and timeouts) and what it has done (counters). A stage without a driver has a private one.
 *
 * Plain relaxed atomics: each field stands alone, a reader needs no consistent whole. A reader must
 * take every value as a claim only: user code shares the worker's address space.
 */
#ifndef STATS_PAGE_H
#define STATS_PAGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "stats/board.h"
#include "stats/histogram.h"

enum { PAGE_SIZE = 4096 };

enum run_state {
	RUN_IDLE = 0,
	RUN_RUNNING = 1, /* the handler runs one event: what counts for timeout and blame */
	RUN_WRITING = 2, /* the handler is done, its outputs are being appended */
	RUN_TOGETHER = 3 /* several events are in flight: it counts for timeout, but blames nobody
			    yet; `seq` is the one that has run for longest */
};

enum counter {
	COUNT_RECORDS_IN, /* source: taken from the system; worker: events begun; sink: inputs whole
			   */
	COUNT_RECORDS_OUT, /* source: acknowledged; worker: outputs; sink: delivered, dead letters
			      among them */
	COUNT_BYTES_IN,
	COUNT_BYTES_OUT,
	COUNT_FILTERED,  /* worker, sink: inputs without output */
	COUNT_FAILED,    /* worker, sink: events whose last attempt failed */
	COUNT_RETRIED,   /* worker: attempts after the first */
	COUNT_RESENT,    /* source: frames written again after a worker's death */
	COUNT_COMMITS,   /* source: offset commits that the broker took */
	COUNT_IN_FLIGHT, /* source: records between dispatch and acknowledgement */
	COUNT_DIED,      /* sink: events failed by the deaths of their workers */
	COUNT_REFUSED,   /* sink: events of which an output can't be delivered */
	COUNT_SKIPPED,   /* sink: of all these, skipped */
	COUNT_LETTERS,   /* sink: dead letters put */
	COUNT_REBALANCES, /* source: changes of the assignment */
	COUNT_UNDER_WAY,  /* sink: outputs put and not delivered */
	COUNT_TRANSACTIONS, /* sink, exactly once: transactions that were committed, */
	COUNT_ABORTED,      /* and that were not */
	COUNT_MAX = 32
};

struct page {
	_Atomic uint32_t state;   /* enum run_state */
	_Atomic uint32_t attempt; /* of the event that runs: 0 at first */
	_Atomic uint64_t seq;     /* of the event that runs */
	_Atomic int64_t since_ns; /* when it began, clock_coarse_ns */
	_Atomic uint64_t first;   /* RUN_TOGETHER: what is in flight is within first..last */
	_Atomic uint64_t last;
	/* The last request for the stacks of this worker's threads that was answered in full, and of its
	 * async tasks; see bruco-worker/python/stacks.h. */
	_Atomic uint32_t stacks_threads;
	_Atomic uint32_t stacks_tasks;
	_Atomic uint32_t retire; /* set by the driver: the worker is to end between two events */
	uint32_t reserved[3];
	_Atomic uint64_t counters[COUNT_MAX];
	/* Source: from dispatch to acknowledgement, one record a lane at a time. Worker: calls of the
	 * handler, one of SAMPLE_EVENTS. Sink, exactly once: each commit. */
	struct histogram times;
};

enum { SAMPLE_EVENTS = 16 };

_Static_assert(sizeof(struct page) <= PAGE_SIZE, "the page must fit into one page");

/* What a dead worker was doing; rides in messages. */
struct page_snapshot {
	uint32_t state;
	uint32_t attempt;
	uint64_t seq;
	uint64_t first, last;
};

/* A descriptor (memfd) for page_map, or -1 with errno; the driver's. The source's has a board behind
 * the page. */
int page_create(bool with_board);
struct page *page_map(int fd);     /* fd -1: a private page; ends the program on failure */
struct page *page_try_map(int fd); /* the same, but NULL with errno */
void page_unmap(struct page *page);

/* The board of a page that was created with one; it is mapped by itself. */
struct board *board_try_map(int fd); /* NULL with errno, and when there is none */
void board_unmap(struct board *board);

struct page_snapshot page_snapshot(struct page *page);

static inline void page_count(struct page *page, enum counter counter, uint64_t more)
{
	/* One writer: a plain load and store is cheaper than a locked add. */
	atomic_store_explicit(&page->counters[counter],
		atomic_load_explicit(&page->counters[counter], memory_order_relaxed) + more,
		memory_order_relaxed);
}

static inline void page_set(struct page *page, enum counter counter, uint64_t value)
{
	atomic_store_explicit(&page->counters[counter], value, memory_order_relaxed);
}

static inline uint64_t page_get(struct page *page, enum counter counter)
{
	return atomic_load_explicit(&page->counters[counter], memory_order_relaxed);
}

/* Which event it is about, whatever the state. */
static inline void page_set_event(
	struct page *page, uint64_t seq, uint32_t attempt, int64_t since_ns)
{
	atomic_store_explicit(&page->seq, seq, memory_order_relaxed);
	atomic_store_explicit(&page->attempt, attempt, memory_order_relaxed);
	atomic_store_explicit(&page->since_ns, since_ns, memory_order_relaxed);
}

/* The worker, around each event. */
static inline void page_begin_event(
	struct page *page, uint64_t seq, uint32_t attempt, int64_t since_ns)
{
	page_set_event(page, seq, attempt, since_ns);
	atomic_store_explicit(&page->state, RUN_RUNNING, memory_order_release);
}

static inline void page_set_state(struct page *page, enum run_state state)
{
	atomic_store_explicit(&page->state, state, memory_order_release);
}

/* Several events, within first..last; page_begin_event or page_set_state end it. A death between two of the
 * stores leaves a range that is too wide. */
static inline void page_together(struct page *page, uint64_t first, uint64_t last)
{
	atomic_store_explicit(&page->last, last, memory_order_relaxed);
	atomic_store_explicit(&page->first, first, memory_order_release);
	atomic_store_explicit(&page->state, RUN_TOGETHER, memory_order_release);
}

/* Whether a handler runs, by a state that was read. */
static inline bool page_runs(uint32_t state)
{
	return state == RUN_RUNNING || state == RUN_TOGETHER;
}

#endif
