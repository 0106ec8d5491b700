#include "bruco/top/view.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void view_init(struct view *view)
{
	*view = (struct view){.by = VIEW_BY_LAG};
	history_init(&view->history);
}

void view_release(struct view *view)
{
	snapshot_release(&view->snapshot);
	free(view->order);
	view->order = NULL;
}

static int compare_topics(
	const struct snapshot_partition *one, const struct snapshot_partition *other)
{
	int names = strcmp(one->topic, other->topic);

	return names != 0 ? names : (one->id > other->id) - (one->id < other->id);
}

static int compare_rows(const void *one, const void *other, void *owner)
{
	const struct view *view = owner;
	const struct snapshot_partition *rows = view->snapshot.partitions;
	const struct snapshot_partition *first = &rows[*(const size_t *)one];
	const struct snapshot_partition *second = &rows[*(const size_t *)other];

	if (view->by == VIEW_BY_LAG && first->lag != second->lag)
		return first->lag < second->lag ? 1 : -1;
	return compare_topics(first, second);
}

void view_sort(struct view *view, enum view_order by)
{
	size_t count = view->snapshot.partition_count;

	view->by = by;
	view->order = mem_grow(view->order, count + 1, sizeof *view->order);
	for (size_t i = 0; i < count; i++)
		view->order[i] = i;
	qsort_r(view->order, count, sizeof *view->order, compare_rows, view);
}

static void record(struct view *view, int64_t now_ms)
{
	const struct activity *activity = &view->activity;
	const double values[HISTORY_SERIES] = {[HISTORY_RATE] = activity->in,
		[HISTORY_LAG] = view->snapshot.lag < 0 ? NAN : (double)view->snapshot.lag,
		[HISTORY_HANDLER] = activity->handler_s < 0 ? NAN : activity->handler_s};

	if (activity->known)
		history_note(&view->history, now_ms, values);
	else
		history_gap(&view->history, now_ms);
}

bool view_note(struct view *view, const char *text, size_t length, int64_t now_ms)
{
	char why[256];

	if (!snapshot_read(&view->snapshot, text, length, why)) {
		view_lose(view, why, now_ms);
		return false;
	}
	if (!activity_note(&view->activity, &view->snapshot, now_ms) && view->answered_ms != 0)
		view->started_again = true;
	view->answered_ms = now_ms;
	view->lost[0] = '\0';
	record(view, now_ms);
	view_sort(view, view->by);
	return true;
}

void view_lose(struct view *view, const char *why, int64_t now_ms)
{
	snprintf(view->lost, sizeof view->lost, "%s", why);
	history_gap(&view->history, now_ms);
}
