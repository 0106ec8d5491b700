#include "bruco/top/activity.h"

#include <math.h>
#include <string.h>

static const double MEMORY_S = 5;
static const double SAME_S = 1; /* an answer may come so much later than another */

static size_t at_most(size_t count, size_t most)
{
	return count < most ? count : most;
}

/* The mean moves towards a new value as far as `seconds` are a part of its memory. */
static double towards(double mean, double value, double seconds)
{
	return mean < 0 ? value : mean + (value - mean) * (1 - exp(-seconds / MEMORY_S));
}

static bool handler_runs(const struct snapshot_lane *lane)
{
	return strcmp(lane->run, "running") == 0 || strcmp(lane->run, "together") == 0;
}

static void forget(struct activity *activity)
{
	*activity = (struct activity){.handler_s = -1};
	for (size_t i = 0; i < ACTIVITY_STAGES; i++)
		activity->stages[i] = (struct activity_stage){.cpu = -1, .recent = -1};
	for (size_t i = 0; i < ACTIVITY_WORKERS; i++)
		activity->running[i] = -1;
}

static void note_stages(struct activity *activity, const struct snapshot *snapshot, double seconds)
{
	for (size_t i = 0; i < at_most(snapshot->stage_count, ACTIVITY_STAGES); i++) {
		const struct snapshot_stage *stage = &snapshot->stages[i];
		struct activity_stage *known = &activity->stages[i];

		if (known->pid != stage->pid || stage->pid == 0 || seconds <= 0) {
			known->cpu = known->recent = -1;
		} else {
			known->cpu = fmax(0, (stage->cpu_s - known->cpu_s) / seconds);
			known->recent = towards(known->recent, known->cpu, seconds);
		}
		known->pid = stage->pid;
		known->cpu_s = stage->cpu_s;
	}
}

static void note_handlers(
	struct activity *activity, const struct snapshot *snapshot, double seconds)
{
	int64_t calls = snapshot->handler_count - activity->handler_count;

	for (size_t i = 0; i < at_most(snapshot->lane_count, ACTIVITY_WORKERS); i++)
		activity->running[i] = towards(
			activity->running[i], handler_runs(&snapshot->lanes[i]) ? 1 : 0, seconds);
	/* Few calls are timed: of a slow handler none for many seconds. */
	if (seconds > 0 && calls > 0)
		activity->handler_s =
			(snapshot->handler_sum_s - activity->handler_sum_s) / (double)calls;
	else if (activity->in == 0 && snapshot->in_flight == 0)
		activity->handler_s = -1;
	activity->handler_count = snapshot->handler_count;
	activity->handler_sum_s = snapshot->handler_sum_s;
}

static double per_second(int64_t now, int64_t before, double seconds)
{
	return now > before ? (double)(now - before) / seconds : 0;
}

bool activity_note(struct activity *activity, const struct snapshot *snapshot, int64_t now_ms)
{
	double began_s = (double)now_ms / 1000 - snapshot->up_s;
	double seconds = snapshot->up_s - activity->up_s;
	bool same = activity->up_s > 0 && seconds > 0 && snapshot->in >= activity->total_in &&
		    fabs(began_s - activity->began_s) < SAME_S;

	if (!same) {
		forget(activity);
		seconds = 0;
	} else {
		activity->in = per_second(snapshot->in, activity->total_in, seconds);
		activity->out = per_second(snapshot->out, activity->total_out, seconds);
		activity->failed = per_second(snapshot->failed, activity->total_failed, seconds);
	}
	note_stages(activity, snapshot, seconds);
	note_handlers(activity, snapshot, seconds);
	activity->known = same;
	activity->up_s = snapshot->up_s;
	activity->began_s = began_s;
	activity->total_in = snapshot->in;
	activity->total_out = snapshot->out;
	activity->total_failed = snapshot->failed;
	return same;
}

/* The process of a worker; NULL when it is not known. */
static const struct activity_stage *process_of(
	const struct activity *activity, const struct snapshot *snapshot, int64_t worker)
{
	int64_t number = 0;

	for (size_t i = 0; i < at_most(snapshot->stage_count, ACTIVITY_STAGES); i++)
		if (strcmp(snapshot->stages[i].role, "worker") == 0 && number++ == worker)
			return &activity->stages[i];
	return NULL;
}

double activity_busy(const struct activity *activity, const struct snapshot *snapshot, size_t lane)
{
	const struct activity_stage *process =
		process_of(activity, snapshot, snapshot->lanes[lane].worker);
	double running = lane < ACTIVITY_WORKERS ? activity->running[lane] : -1;
	double cpu = process == NULL ? -1 : process->recent;

	return fmin(1, fmax(0, fmax(running, cpu)));
}

double activity_cpu(
	const struct activity *activity, const struct snapshot *snapshot, const char *role)
{
	for (size_t i = 0; i < at_most(snapshot->stage_count, ACTIVITY_STAGES); i++)
		if (strcmp(snapshot->stages[i].role, role) == 0)
			return activity->stages[i].recent;
	return -1;
}
