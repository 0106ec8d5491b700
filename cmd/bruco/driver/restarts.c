#include "bruco/driver/restarts.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void restarts_init(struct restarts *restarts, uint32_t most)
{
	*restarts = (struct restarts){.most = most};
}

void restarts_release(struct restarts *restarts)
{
	free(restarts->times);
	*restarts = (struct restarts){0};
}

static void forget_old(struct restarts *restarts, int64_t now_ms)
{
	size_t old = 0;

	while (old < restarts->count && restarts->times[old] <= now_ms - RESTART_WINDOW_MS)
		old++;
	restarts->count -= old;
	if (old > 0)
		memmove(restarts->times, restarts->times + old,
			restarts->count * sizeof *restarts->times);
}

bool restarts_available(struct restarts *restarts, int64_t now_ms)
{
	forget_old(restarts, now_ms);
	return restarts->count < restarts->most;
}

bool restarts_take(struct restarts *restarts, int64_t now_ms)
{
	if (!restarts_available(restarts, now_ms))
		return false;
	if (restarts->count == restarts->capacity) {
		restarts->capacity = restarts->capacity * 2 + 8;
		restarts->times =
			mem_grow(restarts->times, restarts->capacity, sizeof *restarts->times);
	}
	restarts->times[restarts->count++] = now_ms;
	return true;
}

bool restarts_accounts_for(
	struct event_mark *last, const struct page_snapshot *page, uint32_t attempts)
{
	bool moves_on =
		page->seq > last->seq || (page->seq == last->seq && page->attempt > last->attempt);

	if (page->state == RUN_TOGETHER && page->first > last->together &&
		page->last >= page->first) {
		last->together = page->last;
		return true;
	}
	if (page->state != RUN_RUNNING || page->attempt >= attempts || !moves_on)
		return false;
	last->seq = page->seq;
	last->attempt = page->attempt;
	return true;
}
