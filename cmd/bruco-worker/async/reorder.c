#include "bruco-worker/async/reorder.h"

#include "base/mem.h"

enum {
	SPAN_FACTOR = 4,     /* places for each call that may run */
	KEPT_MOST = 16 << 20 /* bytes of outputs that wait for earlier ones */
};

static struct {
	struct call *calls;
	uint64_t span; /* a power of two */
	uint64_t first, next;
	size_t kept;
} reorder;

void reorder_init(unsigned limit)
{
	for (reorder.span = 16; reorder.span < (uint64_t)SPAN_FACTOR * limit;)
		reorder.span *= 2;
	reorder.calls = mem_array(reorder.span, sizeof *reorder.calls);
}

bool reorder_has_room(void)
{
	return reorder.next - reorder.first < reorder.span && reorder.kept < KEPT_MOST;
}

bool reorder_is_empty(void)
{
	return reorder.first == reorder.next;
}

uint64_t reorder_next_number(void)
{
	return reorder.next;
}

struct call *reorder_at(uint64_t number)
{
	return &reorder.calls[number & (reorder.span - 1)];
}

struct call *reorder_first(void)
{
	return reorder_is_empty() ? NULL : reorder_at(reorder.first);
}

struct call *reorder_after(const struct call *call)
{
	return call->number + 1 == reorder.next ? NULL : reorder_at(call->number + 1);
}

struct call *reorder_push(uint64_t seq)
{
	struct call *call = reorder_at(reorder.next);
	struct buf out = call->out; /* its memory is used again */

	*call = (struct call){.out = out, .number = reorder.next++, .seq = seq};
	return call;
}

void reorder_pop(struct buf *out)
{
	struct call *call = reorder_first();

	buf_append(out, call->out.data, call->out.length);
	reorder.kept -= call->out.length;
	buf_reset(&call->out);
	Py_CLEAR(call->event);
	reorder.first++;
}

void reorder_keep(const struct call *call)
{
	reorder.kept += call->out.length;
}
