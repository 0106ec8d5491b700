#include "bruco-worker/async/reorder.h"

#include <stdlib.h>

#include "base/mem.h"

enum { SPAN_FACTOR = 4, SPAN_MIN = 16 };

void reorder_init(struct reorder *reorder, unsigned limit)
{
	*reorder = (struct reorder){.span = SPAN_MIN};
	while (reorder->span < (uint64_t)SPAN_FACTOR * limit)
		reorder->span *= 2;
	reorder->calls = mem_array(reorder->span, sizeof *reorder->calls);
}

void reorder_release(struct reorder *reorder)
{
	for (uint64_t i = 0; i < reorder->span; i++)
		buf_release(&reorder->calls[i].out);
	free(reorder->calls);
	*reorder = (struct reorder){0};
}

bool reorder_has_room(const struct reorder *reorder)
{
	return reorder->next - reorder->first < reorder->span && reorder->kept < REORDER_KEPT_MAX;
}

bool reorder_is_empty(const struct reorder *reorder)
{
	return reorder->first == reorder->next;
}

uint64_t reorder_next_number(const struct reorder *reorder)
{
	return reorder->next;
}

struct call *reorder_at(const struct reorder *reorder, uint64_t number)
{
	return &reorder->calls[number & (reorder->span - 1)];
}

struct call *reorder_first(const struct reorder *reorder)
{
	return reorder_is_empty(reorder) ? NULL : reorder_at(reorder, reorder->first);
}

struct call *reorder_after(const struct reorder *reorder, const struct call *call)
{
	return call->number + 1 == reorder->next ? NULL : reorder_at(reorder, call->number + 1);
}

struct call *reorder_push(struct reorder *reorder, uint64_t seq)
{
	struct call *call = reorder_at(reorder, reorder->next);
	struct buf out = call->out; /* its memory is used again */

	*call = (struct call){.out = out, .number = reorder->next++, .seq = seq};
	return call;
}

void reorder_keep(struct reorder *reorder, const struct call *call)
{
	reorder->kept += call->out.length;
}

void reorder_pop(struct reorder *reorder, struct buf *out)
{
	struct call *call = reorder_first(reorder);

	buf_append(out, call->out.data, call->out.length);
	reorder->kept -= call->out.length;
	buf_reset(&call->out);
	reorder->first++;
}
