/*
 * The calls, in the order of the input, in which their outputs leave: one that is done early
 * keeps what it gave until all before it have left. How many there are is bounded, and so are the
 * bytes that they keep.
 */
#ifndef BRUCO_WORKER_ASYNC_REORDER_H
#define BRUCO_WORKER_ASYNC_REORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "bruco-worker/async/call.h"

/* For `limit` calls that run at the same time, and more that wait for one before them. */
void reorder_init(unsigned limit);

bool reorder_has_room(void);
bool reorder_is_empty(void);

/* A new call behind all others; there must be room. It stays where it is until reorder_pop. */
struct call *reorder_push(uint64_t seq);

/* The number of the next call to be pushed. */
uint64_t reorder_next_number(void);

struct call *reorder_at(uint64_t number);            /* one that is there */
struct call *reorder_first(void);                    /* NULL: the ring is empty */
struct call *reorder_after(const struct call *call); /* NULL: it is the last */

/* The first call's outputs, if there are any, go to the end of `out`, and it is gone. */
void reorder_pop(struct buf *out);

/* What a call keeps has become more: call->out holds all of it. */
void reorder_keep(const struct call *call);

#endif
