/*
 * The flights that wait to run: those that are ready, and those held back until an earlier one with
 * the same key is done.
 */
#ifndef BRUCO_WORKER_ASYNC_READY_QUEUE_H
#define BRUCO_WORKER_ASYNC_READY_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "bruco-worker/async/call.h"
#include "frame/frame.h"

/* keeps_keys: whether events with the same key run one after the other. */
void queue_init(bool keeps_keys);

/* A new flight, with its record: FLIGHT_READY or FLIGHT_HELD. */
void queue_add(struct flight *flight, const struct frame_record *record);

/* The same for another attempt: it is ready, since no other with its key has run. */
void queue_add_again(struct flight *flight);

/* What it held back, if anything, is ready. */
void queue_done(struct flight *flight);

bool queue_is_empty(void);       /* whether none is ready */
struct flight *queue_take(void); /* the one that is ready for longest; there must be one */

/* Those with a higher number than this that are ready are not to run any more. */
void queue_drop_after(uint64_t number);

#endif
