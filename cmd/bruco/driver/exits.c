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

static const char *meaning(enum process_role role, int status)
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
static bool out_of_memory(struct driver *driver, const struct process *process, int death)
{
	int64_t kills;
	bool more;

	if (!WIFSIGNALED(death) || WTERMSIG(death) != SIGKILL || process->killed)
		return false;
	kills = cgroup_oom_kills("");
	more = kills > driver->oom_kills && driver->oom_kills >= 0;
	/* Another one that is dead by now may be the next to be asked for. */
	driver->oom_kills = more ? driver->oom_kills + 1 : kills;
	return more;
}

/* "worker 1 was killed by signal 9 (SIGKILL)", "bruco-sink ended with status 77 (...)". */
static void describe(struct driver *driver, char text[TEXT_MAX], const char *name,
	const struct process *process, int death)
{
	int status = WEXITSTATUS(death);

	if (WIFSIGNALED(death)) {
		const char *word = sigabbrev_np(WTERMSIG(death));

		snprintf(text, TEXT_MAX, "%s was killed by signal %d (SIG%s)%s", name,
			WTERMSIG(death), word == NULL ? "?" : word,
			out_of_memory(driver, process, death)
				? ", by the kernel, which is out of memory"
				: "");
	} else if (status == STATUS_OK) {
		snprintf(text, TEXT_MAX, "%s ended before its work was done", name);
	} else {
		snprintf(text, TEXT_MAX, "%s ended with status %d (%s)", name, status,
			meaning(process->role, status));
	}
}

bool driver_is_over(const struct driver *driver)
{
	return driver->state == STATE_ENDING || driver->state == STATE_CLOSING;
}

bool driver_rewinds(const struct driver *driver)
{
	return strcmp(driver->config->source.kind, "kafka") == 0;
}

/* A worker sees its pipes end when source or sink die; that is not a death of its own. */
static bool endpoints_are_gone(const struct driver *driver)
{
	return driver->source.control < 0 || driver->sink.control < 0;
}

/* It says so itself, with the status and with a page that shows no running event: a handler that
 * calls os._exit(1) is a crash like others. */
static bool handler_failed(const struct driver *driver, const struct worker_slot *slot, int death)
{
	return slot->process.ready && WIFEXITED(death) && WEXITSTATUS(death) == STATUS_FAILED &&
	       !page_runs(slot->page.state) && driver->config->processor.on_failure == FAILURE_STOP;
}

/* It has said so before, and ended with its work done. What it died of after that, in close_context
 * or in a library's last moments, costs no record. */
static bool is_recycled(const struct worker_slot *slot)
{
	return slot->process.ready && slot->recycles && !slot->process.killed &&
	       slot->page.state != RUN_RUNNING;
}

static void describe_worker(
	char text[TEXT_MAX], struct driver *driver, const struct worker_slot *slot, int death)
{
	char name[32], timeout[32];

	snprintf(name, sizeof name, "worker %u", (uint32_t)(slot - driver->slots));
	if (slot->overdue)
		snprintf(text, TEXT_MAX, "%s was killed for an event that took longer than %s",
			name, driver_duration(driver->config->processor.timeout_ms, timeout));
	else
		describe(driver, text, name, &slot->process, death);
}

static void worker_ended(struct driver *driver, struct worker_slot *slot, int death)
{
	struct occurrence occurrence = {.slot = slot, .status = WEXITSTATUS(death)};
	bool was_ready = slot->process.ready, killed = slot->process.killed;
	bool recycled = is_recycled(slot);
	bool counts = !was_ready || !supervise_accounts_for(&slot->last_accounted, &slot->page,
					    driver->config->processor.retry_attempts);
	uint32_t number = (uint32_t)(slot - driver->slots);
	bool final = WIFEXITED(death) && status_is_final(WEXITSTATUS(death));
	char text[TEXT_MAX], more[TEXT_MAX];

	slot->death = death;
	slot->life++;
	slot->failures = was_ready ? 0 : slot->failures + 1;
	describe_worker(text, driver, slot, death);
	occurrence.text = text;

	if (recycled) {
		if (death != 0)
			relay_log(&driver->relay, LEVEL_WARNING, "%s", text);
		occurrence.event = EVENT_WORKER_RECYCLED;
		if (driver->state == STATE_CUTTING || !endpoints_are_gone(driver))
			driver_fire(driver, &occurrence);
		return;
	}
	if (handler_failed(driver, slot, death)) {
		occurrence.event = EVENT_WORKER_LOST;
		snprintf(text, sizeof text, "the handler failed in worker %u", number);
		driver_fire(driver, &occurrence);
		return;
	}
	if (driver->state == STATE_DRAINING && was_ready && death == 0 &&
		!page_runs(slot->page.state)) {
		/* It was in the pause before another attempt: what its lane holds is left for the
		 * next start, and nothing has failed. */
		occurrence.event = EVENT_WORKER_LOST;
		driver_fire(driver, &occurrence);
		return;
	}
	if (!driver->ever_ready && final && !killed) {
		occurrence.event = EVENT_FATAL;
		snprintf(more, sizeof more, "worker %u cannot start: %s", number,
			meaning(ROLE_WORKER, WEXITSTATUS(death)));
		occurrence.text = more;
		relay_only_worker(&driver->relay, (int)number);
		driver_fire(driver, &occurrence);
		return;
	}
	relay_show_held(&driver->relay); /* its last words before ours about it */
	if (driver_is_over(driver)) {
		if (death != 0 && !killed && driver->sink.control >= 0)
			relay_log(&driver->relay, LEVEL_WARNING, "%s", text);
		driver_worker_died(driver, slot, text, counts);
	} else if (driver->state == STATE_CUTTING || !endpoints_are_gone(driver)) {
		driver_worker_died(driver, slot, text, counts);
	}
}

/* Source and sink both end when the other one does, the one with 75, the other as if all was done;
 * it tells nothing of why. */
static bool is_consequence(const struct driver *driver, int death)
{
	if (!WIFEXITED(death) || (death == 0 && driver_is_over(driver)))
		return false;
	return death == 0 || WEXITSTATUS(death) == STATUS_TEMPFAIL;
}

/* In a drain that leaves records no worker may be left: then there is nothing more to sink, while
 * the source has still to commit. */
static bool has_nothing_to_sink(const struct driver *driver)
{
	for (uint32_t i = 0; i < driver->slot_count; i++)
		if (!driver->slots[i].gone)
			return false;
	return driver->state == STATE_DRAINING;
}

/* Only of its own will: it ignores the signal. */
static bool nobody_reads(const struct process *process, int death)
{
	return process->role == ROLE_SINK && WIFSIGNALED(death) && WTERMSIG(death) == SIGPIPE;
}

static void endpoint_ended(struct driver *driver, struct process *process, int death)
{
	struct occurrence occurrence = {.event = EVENT_FATAL, .status = WEXITSTATUS(death)};
	bool sank_all = process == &driver->sink && has_nothing_to_sink(driver);
	char text[TEXT_MAX];

	if (death == 0 && (driver_is_over(driver) || sank_all))
		return;
	describe(driver, text, process->name, process, death);
	occurrence.text = text;
	if (nobody_reads(process, death)) {
		occurrence.unread = true;
		occurrence.status = STATUS_TEMPFAIL;
		occurrence.text = "nobody reads standard output any more";
		driver_fire(driver, &occurrence);
		return;
	}
	if ((driver->state == STATE_RESTARTING || driver->state == STATE_SETTLING) &&
		!process->killed && !is_consequence(driver, death))
		relay_log(&driver->relay, LEVEL_WARNING, "%s", text);
	if (WIFEXITED(death) && status_is_final(WEXITSTATUS(death)))
		driver_fire(driver, &occurrence);
	else
		driver_endpoint_died(driver, text);
}

/* The next one to judge: the cause before its consequence; -1: none, or not yet. */
static int next_endpoint(const struct driver *driver, int64_t now_ms)
{
	const struct endpoint_exit *exits = driver->endpoint_exits;
	int next = -1;

	for (int i = 0; i < 2; i++) {
		const struct process *other = i == 0 ? &driver->sink : &driver->source;

		if (!exits[i].due)
			continue;
		if (!is_consequence(driver, exits[i].how))
			return i;
		if (other->pid != 0 && now_ms < exits[i].at + CAUSE_MS)
			continue;
		if (next < 0 || exits[i].at <= exits[next].at)
			next = i;
	}
	return next;
}

void driver_judge_endpoints(struct driver *driver, int64_t now_ms)
{
	int index;

	while ((index = next_endpoint(driver, now_ms)) >= 0) {
		driver->endpoint_exits[index].due = false;
		endpoint_ended(driver, driver_process(driver, (uint32_t)index),
			driver->endpoint_exits[index].how);
	}
}

/* Which stage has this pid; the number of stages: none. */
static uint32_t find_process(struct driver *driver, pid_t pid)
{
	uint32_t index = 0;

	while (index < driver_process_count(driver) && driver_process(driver, index)->pid != pid)
		index++;
	return index;
}

/* Takes one dead child; orphans of handlers come to us as well and are just buried. */
static bool reap_one(struct driver *driver, int *exits, bool *dead)
{
	siginfo_t info = {0};
	uint32_t index;
	int death;

	while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
		if (errno != EINTR)
			return false;
	if (info.si_pid == 0)
		return false;
	index = find_process(driver, info.si_pid);
	/* Before its pid is free again: what a worker's handler had started goes with it. */
	if (index >= 2 && index < driver_process_count(driver))
		kill(-info.si_pid, SIGKILL);
	if (waitpid(info.si_pid, &death, 0) == info.si_pid &&
		index < driver_process_count(driver)) {
		exits[index] = death;
		dead[index] = true;
	}
	return true;
}

void driver_reap(struct driver *driver)
{
	int *exits = mem_array(driver_process_count(driver), sizeof *exits);
	bool *dead = mem_array(driver_process_count(driver), sizeof *dead);
	int64_t now = clock_ms();

	while (reap_one(driver, exits, dead))
		;
	/* What they said last decides what their deaths mean. */
	for (uint32_t i = 0; i < driver_process_count(driver); i++)
		driver_read_control(driver, i);
	/* All of them at once: a pid that is free again must not be killed. */
	for (uint32_t i = 0; i < driver_process_count(driver); i++) {
		struct page_snapshot page;

		if (!dead[i])
			continue;
		if (i == 0 && !driver_rewinds(driver))
			driver->unfinished += page_get(driver->source.page, COUNT_IN_FLIGHT);
		page = process_reaped(driver_process(driver, i), &driver->relay);
		if (i < 2)
			driver->endpoint_exits[i] = (struct endpoint_exit){true, exits[i], now};
		else
			driver->slots[i - 2].page = page;
	}
	/* First the ends of the lanes: workers may have ended because of them. */
	driver_judge_endpoints(driver, now);
	for (uint32_t i = 2; i < driver_process_count(driver); i++)
		if (dead[i])
			worker_ended(driver, &driver->slots[i - 2], exits[i]);
	free(exits);
	free(dead);
}
