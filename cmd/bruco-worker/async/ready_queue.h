/*
 * The calls that wait to run: those that are ready, and those held back until an earlier one
 * with the same key is done.
 */
#ifndef BRUCO_WORKER_ASYNC_READY_QUEUE_H
#define BRUCO_WORKER_ASYNC_READY_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "bruco-worker/async/call.h"
#include "frame/frame.h"

/* keeps_keys: whether events with the same key run one after the other. */
void ready_queue_init(bool keeps_keys);

/* A new call, with its record: CALL_READY or CALL_HELD. */
void ready_queue_add(struct call *call, const struct frame_record *record);

/* The same for another attempt: it is ready, since no other with its key has run. */
void ready_queue_add_again(struct call *call);

/* What it held back, if anything, is ready. */
void ready_queue_release(struct call *call);

bool ready_queue_is_empty(void);    /* whether none is ready */
struct call *ready_queue_pop(void); /* the one that is ready for longest; there must be one */

/* Those with a higher number than this that are ready are not to run any more. */
void ready_queue_drop_after(uint64_t number);

#endif
