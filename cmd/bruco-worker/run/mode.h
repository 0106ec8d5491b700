/*
 * The kinds of handlers. Each is a table in a file of its own and a line in modes.c; read_loop.c
 * reads and writes for all of them.
 *
 *      invoke.c   handle_event: one event after the other
 *      batch.c    handle_batch: several events in one call
 *
 * When handle_event is async its calls overlap, and async/scheduler.c takes the loop's place.
 */
#ifndef BRUCO_WORKER_RUN_MODE_H
#define BRUCO_WORKER_RUN_MODE_H

#include <stdint.h>

#include "bruco-worker/python/handler.h"
#include "bruco-worker/run/loop.h"
#include "frame/frame.h"

struct mode {
	struct handler_function function;

	/* Once Python runs, before the handler is imported. 0, or -1 with an exception set. NULL:
	 * nothing to prepare. */
	int (*prepare)(void);

	/* Takes in the record encoded at `frame`, both valid during the call only: runs it, or
	 * holds it. now_ns: clock_coarse_ns(). */
	enum next (*take)(struct loop *loop, const uint8_t *frame, struct frame_record *record,
		int64_t now_ns);

	/* The other three are for a mode that holds events back, else NULL. */

	enum next (*flush)(struct loop *loop); /* runs what is held, if anything */
	unsigned (*held)(void);                /* how many events are held */
	int (*wait_ms)(void);                  /* until flush is due, 0: now; -1: nothing is held */
};

extern const struct mode mode_event; /* invoke.c */
extern const struct mode mode_batch; /* batch.c */
extern const struct mode mode_copy;  /* read_loop.c: without a handler */

/* Prepares all modes. 0, or -1 with an exception set. */
int modes_prepare(void);

/* A tuple of the names of all modes' functions, the usual one first: a new reference, or NULL with
 * an exception set. */
PyObject *modes_function_names(void);

/* handler_load, for the functions of all modes. */
int modes_load_handler(struct handler *handler, const struct worker *worker);

/* The mode of a handler that was loaded so; mode_copy for NULL. */
const struct mode *mode_of(const struct handler *handler);

/* How many events are in the hands of such a worker at once: 1, a batch, or those in flight. */
uint32_t mode_depth(const struct handler *handler, const struct processor_config *processor);

enum next mode_flush(struct loop *loop);
unsigned mode_held(const struct loop *loop);
int mode_wait_ms(const struct loop *loop);

#endif
