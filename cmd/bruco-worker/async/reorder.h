/*
 * Calls in the order of the input, in which their outputs leave: a call that is done early keeps
 * its outputs until all before it have left. Bounds how many calls there are and how many bytes
 * they keep.
 */
#ifndef BRUCO_WORKER_ASYNC_REORDER_H
#define BRUCO_WORKER_ASYNC_REORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "bruco-worker/async/call.h"

enum { REORDER_KEPT_MAX = 16 << 20 }; /* bytes of outputs that wait for earlier calls */

struct reorder {
	struct call *calls; /* a ring */
	uint64_t span;      /* of its places, a power of two */
	uint64_t first, next;
	size_t kept; /* bytes */
};

/* For `limit` calls that run at the same time, and four times as many in all. */
void reorder_init(struct reorder *reorder, unsigned limit);
void reorder_release(struct reorder *reorder);

/* Whether reorder_push may be called. */
bool reorder_has_room(const struct reorder *reorder);
bool reorder_is_empty(const struct reorder *reorder);

/* A new call behind all others, zeroed but for its numbers. Valid until reorder_pop. */
struct call *reorder_push(struct reorder *reorder, uint64_t seq);

/* The number that the next call gets. */
uint64_t reorder_next_number(const struct reorder *reorder);

/* The call of this number, which must be there. */
struct call *reorder_at(const struct reorder *reorder, uint64_t number);
struct call *reorder_first(const struct reorder *reorder); /* NULL: empty */
struct call *reorder_after(const struct reorder *reorder, const struct call *call); /* NULL: last */

/* The call keeps what is in call->out now, which counts from here on. Once a call. */
void reorder_keep(struct reorder *reorder, const struct call *call);

/* Removes the first call, which must be there, and appends the outputs that it has kept. */
void reorder_pop(struct reorder *reorder, struct buf *out);

#endif
