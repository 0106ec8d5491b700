/*
 * The flights, in the order of the input, in which their outputs leave: one that is done early
 * keeps what it gave until all before it have left. How many there are is bounded, and so are the
 * bytes that they keep.
 */
#ifndef BRUCO_WORKER_ASYNC_REORDER_H
#define BRUCO_WORKER_ASYNC_REORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "bruco-worker/async/call.h"

/* For `limit` flights that run at the same time, and more that wait for one before them. */
void ring_init(unsigned limit);

bool ring_has_room(void);
bool ring_is_empty(void);

/* A new flight behind all others; there must be room. It stays where it is until ring_pop. */
struct flight *ring_push(uint64_t seq);

/* The number of the next flight to be pushed. */
uint64_t ring_next(void);

struct flight *ring_at(uint64_t number);                /* one that is there */
struct flight *ring_first(void);                        /* NULL: the ring is empty */
struct flight *ring_after(const struct flight *flight); /* NULL: it is the last */

/* The first flight's outputs, if there are any, go to the end of `out`, and it is gone. */
void ring_pop(struct buf *out);

/* What a flight keeps has become more: flight->out holds all of it. */
void ring_keeps(const struct flight *flight);

#endif
