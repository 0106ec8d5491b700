#include "bruco/top/tables.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bruco/monitor/amounts.h"

static const char *const help[] = {"q, Ctrl-C        quit",
	"s                order of partitions: lag, topic", "Up, Down, k, j   a line",
	"PgUp, PgDn       a screen", "Home, End        first, last line",
	"Tab              the next table", "h, ?             this help; again, or Esc: the tables",
	"", "The columns are those of 'bruco status', see bruco-status(5); CPU is a share",
	"of one processor since the last look, BUSY that of the last seconds in which",
	"a worker's handler was seen to run, or its process's time if that is more.", "",
	"bottleneck: the last part of source, worker, sink and broker that is busy:",
	"what is behind it has nothing to do, what is before it is full."};

/* ---- stages */

static enum screen_look stage_head(char text[TABLES_LINE])
{
	snprintf(text, TABLES_LINE, "%-15s %8s %6s %8s %6s  %s", "STAGE", "PID", "CPU", "MEMORY",
		"STARTS", "STATE");
	return LOOK_BOLD;
}

static enum screen_look stage_line(const struct view *view, size_t index, char text[TABLES_LINE])
{
	const struct snapshot_stage *stage = &view->snapshot.stages[index];
	double share = index < ACTIVITY_STAGES ? view->activity.stages[index].cpu : -1;
	char pid[AMOUNT_ROOM] = "-", cpu[AMOUNT_ROOM], memory[AMOUNT_ROOM];

	if (stage->pid > 0)
		snprintf(pid, sizeof pid, "%" PRId64, stage->pid);
	snprintf(text, TABLES_LINE, "%-15s %8s %6s %8s %6" PRId64 "  %s", stage->name, pid,
		amount_percent(cpu, share),
		stage->pid > 0 ? amount_bytes(memory, stage->memory) : "-", stage->starts,
		stage->ready      ? "ready"
		: stage->pid == 0 ? "not running"
				  : "starting");
	return stage->ready ? LOOK_PLAIN : LOOK_WARN;
}

/* ---- workers */

static enum screen_look worker_head(char text[TABLES_LINE])
{
	snprintf(text, TABLES_LINE, "%-6s %-7s %8s/%-7s %8s %6s  %s", "WORKER", "LANE", "IN HANDS",
		"LIMIT", "RATE/s", "BUSY", "NOW");
	return LOOK_BOLD;
}

static void write_run(char text[128], const struct snapshot_lane *lane)
{
	char since[AMOUNT_ROOM];
	int used;

	if (strcmp(lane->run, "idle") == 0) {
		snprintf(text, 128, "idle");
		return;
	}
	used = snprintf(text, 128, "%s event %" PRId64 " for %s", lane->run, lane->seq,
		amount_short_time(since, lane->for_s));
	if (lane->attempt > 0)
		snprintf(text + used, 128 - (size_t)used, ", attempt %" PRId64, lane->attempt + 1);
}

static enum screen_look worker_line(const struct view *view, size_t index, char text[TABLES_LINE])
{
	const struct snapshot_lane *lane = &view->snapshot.lanes[index];
	char in_hands[AMOUNT_ROOM], limit[AMOUNT_ROOM], rate[AMOUNT_ROOM], busy[AMOUNT_ROOM];
	char now[128];

	write_run(now, lane);
	snprintf(text, TABLES_LINE, "%-6" PRId64 " %-7s %8s/%-7s %8s %6s  %s", lane->worker,
		lane->state, amount_count(in_hands, (double)lane->in_hands),
		amount_count(limit, (double)lane->limit), amount_count(rate, (double)lane->rate),
		amount_percent(busy, activity_busy(&view->activity, &view->snapshot, index)), now);
	return strcmp(lane->state, "open") == 0 ? LOOK_PLAIN : LOOK_WARN;
}

/* ---- partitions */

/* Of the topic's column: what the others leave, and no more than it needs. */
static int topic_width(const struct view *view, int width)
{
	size_t longest = 5, most = width > 66 ? (size_t)width - 56 : 10;

	for (size_t i = 0; i < view->snapshot.partition_count; i++) {
		size_t length = strlen(view->snapshot.partitions[i].topic);

		longest = length > longest ? length : longest;
	}
	return (int)(longest < most ? longest : most);
}

static enum screen_look partition_head(const struct view *view, int width, char text[TABLES_LINE])
{
	int topic = topic_width(view, width);

	snprintf(text, TABLES_LINE, "%-*.*s %5s %9s %8s %6s  %s", topic, topic, "TOPIC", "PART",
		"LAG", "LAG TIME", "WORKER", "STATE");
	return LOOK_BOLD;
}

static enum screen_look partition_line(
	const struct view *view, size_t index, int width, char text[TABLES_LINE])
{
	const struct snapshot_partition *row = &view->snapshot.partitions[view->order[index]];
	char lag[AMOUNT_ROOM], seconds[AMOUNT_ROOM], worker[AMOUNT_ROOM];
	int topic = topic_width(view, width);

	snprintf(text, TABLES_LINE, "%-*.*s %5" PRId64 " %9s %8s %6s  %s", topic, topic, row->topic,
		row->id, amount_count(lag, (double)row->lag),
		amount_short_time(seconds, row->lag_s),
		row->worker < 0 ? "any" : amount_count(worker, (double)row->worker), row->state);
	return row->paused ? LOOK_WARN : LOOK_PLAIN;
}

/* ---- all of them, with an empty line between two */

struct sections {
	size_t workers, partitions, end; /* the lines of their heads, and how many there are */
};

static struct sections sections_of(const struct view *view)
{
	struct sections at = {.workers = view->snapshot.stage_count + 2};

	at.end = at.partitions = at.workers + view->snapshot.lane_count + 2;
	if (view->snapshot.partition_count > 0)
		at.end += view->snapshot.partition_count + 1;
	else
		at.end--;
	return at;
}

size_t tables_count(const struct view *view)
{
	return view->help ? sizeof help / sizeof help[0] : sections_of(view).end;
}

size_t tables_next(const struct view *view, size_t line)
{
	struct sections at = sections_of(view);

	if (view->help)
		return 0;
	return line < at.workers                                ? at.workers
	       : line < at.partitions && at.partitions < at.end ? at.partitions
								: 0;
}

enum screen_look tables_line(
	const struct view *view, size_t line, int width, char text[TABLES_LINE])
{
	struct sections at = sections_of(view);

	text[0] = '\0';
	if (line >= tables_count(view))
		return LOOK_PLAIN;
	if (view->help) {
		snprintf(text, TABLES_LINE, "%s", help[line]);
		return LOOK_PLAIN;
	}
	if (line == 0)
		return stage_head(text);
	if (line + 1 < at.workers)
		return stage_line(view, line - 1, text);
	if (line == at.workers)
		return worker_head(text);
	if (line > at.workers && line + 1 < at.partitions)
		return worker_line(view, line - at.workers - 1, text);
	if (line == at.partitions)
		return partition_head(view, width, text);
	if (line > at.partitions)
		return partition_line(view, line - at.partitions - 1, width, text);
	return LOOK_PLAIN;
}
