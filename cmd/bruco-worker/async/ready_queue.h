/*
 * The calls that wait to run: those that are ready, oldest first, and those held back until an
 * earlier one with the same key is done.
 */
#ifndef BRUCO_WORKER_ASYNC_READY_QUEUE_H
#define BRUCO_WORKER_ASYNC_READY_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "bruco-worker/async/call.h"
#include "frame/frame.h"

enum { READY_QUEUE_KEYS = 4096 }; /* keys with the same hash wait for each other needlessly */

struct ready_queue {
	struct call *ready, **end;
	bool keeps_keys;
	struct call *newest[READY_QUEUE_KEYS]; /* of the calls with that hash that are not done */
};

/* keeps_keys: events with the same key run one after the other. */
void ready_queue_init(struct ready_queue *queue, bool keeps_keys);

/* A new call, for this record: becomes CALL_READY or CALL_HELD. */
void ready_queue_add(
	struct ready_queue *queue, struct call *call, const struct frame_record *record);

/* A call that was added before, for another attempt: it is ready, since no other with its key has
 * run meanwhile. */
void ready_queue_add_again(struct ready_queue *queue, struct call *call);

/* The call is done: the one that it held back, if any, is ready. */
void ready_queue_release(struct ready_queue *queue, struct call *call);

bool ready_queue_is_empty(const struct ready_queue *queue); /* whether none is ready */
struct call *ready_queue_pop(struct ready_queue *queue);    /* there must be one */

/* Removes those that are ready from the front as long as their number is above this one: they are
 * not to run any more. */
void ready_queue_drop_after(struct ready_queue *queue, uint64_t number);

#endif
