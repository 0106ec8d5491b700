/* How stages end, and what that means: from waitpid(2) to the events of the table. */
#include "bruco/driver/driver.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/cgroup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/status.h"

static const char *meaning(enum stage_role role, int status)
{
	if (role == ROLE_WORKER && status == STATUS_SOFTWARE)
		return "an exception while the handler was starting";
	if (role == ROLE_WORKER && status == STATUS_CONFIG)
		return "the handler cannot be loaded";
	switch (status) {
	case STATUS_FAILED:
		return "a record failed";
	case STATUS_USAGE:
		return "usage";
	case STATUS_DATA:
		return "its input is not what it should be";
	case STATUS_UNAVAILABLE:
		return "something that it needs is not there";
	case STATUS_SOFTWARE:
		return "internal error";
	case STATUS_TEMPFAIL:
		return "a failure that may pass";
	case STATUS_REFUSED:
		return "the broker refuses us";
	case STATUS_CONFIG:
		return "configuration";
	default:
		return "unknown";
	}
}

/* Whether the kernel has killed a process here for want of memory since this was last asked: that
 * was the one which is dead now. */
static bool out_of_memory(struct pipeline *pipeline, const struct stage *stage, int death)
{
	int64_t kills;
	bool more;

	if (!WIFSIGNALED(death) || WTERMSIG(death) != SIGKILL || stage->killed)
		return false;
	kills = cgroup_oom_kills("");
	more = kills > pipeline->oom_kills && pipeline->oom_kills >= 0;
	/* Another one that is dead by now may be the next to be asked for. */
	pipeline->oom_kills = more ? pipeline->oom_kills + 1 : kills;
	return more;
}

/* "worker 1 was killed by signal 9 (SIGKILL)", "bruco-sink ended with status 77 (...)". */
static void describe(struct pipeline *pipeline, char text[TEXT_MAX], const char *name,
	const struct stage *stage, int death)
{
	int status = WEXITSTATUS(death);

	if (WIFSIGNALED(death)) {
		const char *word = sigabbrev_np(WTERMSIG(death));

		snprintf(text, TEXT_MAX, "%s was killed by signal %d (SIG%s)%s", name,
			WTERMSIG(death), word == NULL ? "?" : word,
			out_of_memory(pipeline, stage, death)
				? ", by the kernel, which is out of memory"
				: "");
	} else if (status == STATUS_OK) {
		snprintf(text, TEXT_MAX, "%s ended before its work was done", name);
	} else {
		snprintf(text, TEXT_MAX, "%s ended with status %d (%s)", name, status,
			meaning(stage->role, status));
	}
}

bool pipeline_is_over(const struct pipeline *pipeline)
{
	return pipeline->state == STATE_ENDING || pipeline->state == STATE_CLOSING;
}

bool pipeline_rewinds(const struct pipeline *pipeline)
{
	return strcmp(pipeline->config->source.kind, "kafka") == 0;
}

/* A worker sees its pipes end when source or sink die; that is not a death of its own. */
static bool ends_of_lanes_are_gone(const struct pipeline *pipeline)
{
	return pipeline->source.control < 0 || pipeline->sink.control < 0;
}

/* It says so itself, with the status and with a page that shows no running event: a handler that
 * calls os._exit(1) is a crash like others. */
static bool handler_failed(const struct pipeline *pipeline, const struct lane *lane, int death)
{
	return lane->stage.ready && WIFEXITED(death) && WEXITSTATUS(death) == STATUS_FAILED &&
	       !page_runs(lane->page.state) &&
	       pipeline->config->processor.on_failure == FAILURE_STOP;
}

/* It has said so before, and ended with its work done. What it died of after that, in close_context
 * or in a library's last moments, costs no record. */
static bool is_recycled(const struct lane *lane)
{
	return lane->stage.ready && lane->recycles && !lane->stage.killed &&
	       lane->page.state != RUN_RUNNING;
}

static void describe_worker(
	char text[TEXT_MAX], struct pipeline *pipeline, const struct lane *lane, int death)
{
	char name[32], timeout[32];

	snprintf(name, sizeof name, "worker %u", (uint32_t)(lane - pipeline->lanes));
	if (lane->overdue)
		snprintf(text, TEXT_MAX, "%s was killed for an event that took longer than %s",
			name, pipeline_duration(pipeline->config->processor.timeout_ms, timeout));
	else
		describe(pipeline, text, name, &lane->stage, death);
}

static void worker_ended(struct pipeline *pipeline, struct lane *lane, int death)
{
	struct happening happening = {.lane = lane, .status = WEXITSTATUS(death)};
	bool was_ready = lane->stage.ready, killed = lane->stage.killed;
	bool recycled = is_recycled(lane);
	bool counts = !was_ready || !supervise_accounts_for(&lane->deadly, &lane->page,
					    pipeline->config->processor.retry_attempts);
	uint32_t number = (uint32_t)(lane - pipeline->lanes);
	bool final = WIFEXITED(death) && status_is_final(WEXITSTATUS(death));
	char text[TEXT_MAX], more[TEXT_MAX];

	lane->death = death;
	lane->life++;
	lane->failures = was_ready ? 0 : lane->failures + 1;
	describe_worker(text, pipeline, lane, death);
	happening.text = text;

	if (recycled) {
		if (death != 0)
			relay_log(&pipeline->relay, LEVEL_WARNING, "%s", text);
		happening.event = EVENT_WORKER_RECYCLED;
		if (pipeline->state == STATE_CUTTING || !ends_of_lanes_are_gone(pipeline))
			pipeline_fire(pipeline, &happening);
		return;
	}
	if (handler_failed(pipeline, lane, death)) {
		happening.event = EVENT_WORKER_LOST;
		snprintf(text, sizeof text, "the handler failed in worker %u", number);
		pipeline_fire(pipeline, &happening);
		return;
	}
	if (pipeline->state == STATE_DRAINING && was_ready && death == 0 &&
		!page_runs(lane->page.state)) {
		/* It was in the pause before another attempt: what its lane holds is left for the
		 * next start, and nothing has failed. */
		happening.event = EVENT_WORKER_LOST;
		pipeline_fire(pipeline, &happening);
		return;
	}
	if (!pipeline->ever_ready && final && !killed) {
		happening.event = EVENT_FATAL;
		snprintf(more, sizeof more, "worker %u cannot start: %s", number,
			meaning(ROLE_WORKER, WEXITSTATUS(death)));
		happening.text = more;
		relay_hear_only(&pipeline->relay, (int)number);
		pipeline_fire(pipeline, &happening);
		return;
	}
	relay_show_held(&pipeline->relay); /* its last words before ours about it */
	if (pipeline_is_over(pipeline)) {
		if (death != 0 && !killed && pipeline->sink.control >= 0)
			relay_log(&pipeline->relay, LEVEL_WARNING, "%s", text);
		pipeline_worker_died(pipeline, lane, text, counts);
	} else if (pipeline->state == STATE_CUTTING || !ends_of_lanes_are_gone(pipeline)) {
		pipeline_worker_died(pipeline, lane, text, counts);
	}
}

/* Source and sink both end when the other one does, the one with 75, the other as if all was done;
 * it tells nothing of why. */
static bool is_consequence(const struct pipeline *pipeline, int death)
{
	if (!WIFEXITED(death) || (death == 0 && pipeline_is_over(pipeline)))
		return false;
	return death == 0 || WEXITSTATUS(death) == STATUS_TEMPFAIL;
}

/* In a drain that leaves records no worker may be left: then there is nothing more to sink, while
 * the source has still to commit. */
static bool has_nothing_to_sink(const struct pipeline *pipeline)
{
	for (uint32_t i = 0; i < pipeline->lane_count; i++)
		if (!pipeline->lanes[i].gone)
			return false;
	return pipeline->state == STATE_DRAINING;
}

/* Only of its own will: it ignores the signal. */
static bool nobody_reads(const struct stage *stage, int death)
{
	return stage->role == ROLE_SINK && WIFSIGNALED(death) && WTERMSIG(death) == SIGPIPE;
}

static void end_ended(struct pipeline *pipeline, struct stage *stage, int death)
{
	struct happening happening = {.event = EVENT_FATAL, .status = WEXITSTATUS(death)};
	bool sank_all = stage == &pipeline->sink && has_nothing_to_sink(pipeline);
	char text[TEXT_MAX];

	if (death == 0 && (pipeline_is_over(pipeline) || sank_all))
		return;
	describe(pipeline, text, stage->name, stage, death);
	happening.text = text;
	if (nobody_reads(stage, death)) {
		happening.unread = true;
		happening.status = STATUS_TEMPFAIL;
		happening.text = "nobody reads standard output any more";
		pipeline_fire(pipeline, &happening);
		return;
	}
	if ((pipeline->state == STATE_RESTARTING || pipeline->state == STATE_SETTLING) &&
		!stage->killed && !is_consequence(pipeline, death))
		relay_log(&pipeline->relay, LEVEL_WARNING, "%s", text);
	if (WIFEXITED(death) && status_is_final(WEXITSTATUS(death)))
		pipeline_fire(pipeline, &happening);
	else
		pipeline_stage_died(pipeline, text);
}

/* The next one to judge: the cause before its consequence; -1: none, or not yet. */
static int next_end(const struct pipeline *pipeline, int64_t now_ms)
{
	const struct end_death *deaths = pipeline->deaths;
	int next = -1;

	for (int i = 0; i < 2; i++) {
		const struct stage *other = i == 0 ? &pipeline->sink : &pipeline->source;

		if (!deaths[i].due)
			continue;
		if (!is_consequence(pipeline, deaths[i].how))
			return i;
		if (other->pid != 0 && now_ms < deaths[i].at + CAUSE_MS)
			continue;
		if (next < 0 || deaths[i].at <= deaths[next].at)
			next = i;
	}
	return next;
}

void pipeline_judge_ends(struct pipeline *pipeline, int64_t now_ms)
{
	int index;

	while ((index = next_end(pipeline, now_ms)) >= 0) {
		pipeline->deaths[index].due = false;
		end_ended(pipeline, pipeline_stage(pipeline, (uint32_t)index),
			pipeline->deaths[index].how);
	}
}

/* Which stage has this pid; the number of stages: none. */
static uint32_t find_stage(struct pipeline *pipeline, pid_t pid)
{
	uint32_t index = 0;

	while (index < pipeline_stage_count(pipeline) &&
		pipeline_stage(pipeline, index)->pid != pid)
		index++;
	return index;
}

/* Takes one dead child; orphans of handlers come to us as well and are just buried. */
static bool bury_one(struct pipeline *pipeline, int *deaths, bool *dead)
{
	siginfo_t info = {0};
	uint32_t index;
	int death;

	while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
		if (errno != EINTR)
			return false;
	if (info.si_pid == 0)
		return false;
	index = find_stage(pipeline, info.si_pid);
	/* Before its pid is free again: what a worker's handler had started goes with it. */
	if (index >= 2 && index < pipeline_stage_count(pipeline))
		kill(-info.si_pid, SIGKILL);
	if (waitpid(info.si_pid, &death, 0) == info.si_pid &&
		index < pipeline_stage_count(pipeline)) {
		deaths[index] = death;
		dead[index] = true;
	}
	return true;
}

void pipeline_reap(struct pipeline *pipeline)
{
	int *deaths = mem_array(pipeline_stage_count(pipeline), sizeof *deaths);
	bool *dead = mem_array(pipeline_stage_count(pipeline), sizeof *dead);
	int64_t now = clock_ms();

	while (bury_one(pipeline, deaths, dead))
		;
	/* What they said last decides what their deaths mean. */
	for (uint32_t i = 0; i < pipeline_stage_count(pipeline); i++)
		pipeline_read_control(pipeline, i);
	/* All of them at once: a pid that is free again must not be killed. */
	for (uint32_t i = 0; i < pipeline_stage_count(pipeline); i++) {
		struct page_snapshot page;

		if (!dead[i])
			continue;
		if (i == 0 && !pipeline_rewinds(pipeline))
			pipeline->unfinished +=
				page_get(pipeline->source.page, COUNT_IN_FLIGHT);
		page = stage_reaped(pipeline_stage(pipeline, i), &pipeline->relay);
		if (i < 2)
			pipeline->deaths[i] = (struct end_death){true, deaths[i], now};
		else
			pipeline->lanes[i - 2].page = page;
	}
	/* First the ends of the lanes: workers may have ended because of them. */
	pipeline_judge_ends(pipeline, now);
	for (uint32_t i = 2; i < pipeline_stage_count(pipeline); i++)
		if (dead[i])
			worker_ended(pipeline, &pipeline->lanes[i - 2], deaths[i]);
	free(deaths);
	free(dead);
}
