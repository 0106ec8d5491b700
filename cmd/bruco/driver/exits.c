/* How processes end: from waitpid(2) over judge.c to the events of the table. */
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
#include "bruco/driver/exit_text.h"
#include "bruco/driver/judge.h"

/* Whether the kernel killed this process because memory was short: the control group counts such
 * kills, and one has been added since the last call. */
static bool out_of_memory(struct driver *driver, const struct process *process, int how)
{
	int64_t kills;
	bool more;

	if (!WIFSIGNALED(how) || WTERMSIG(how) != SIGKILL || process->killed)
		return false;
	kills = cgroup_oom_kills("");
	more = kills > driver->oom_kills && driver->oom_kills >= 0;
	/* One at a time: a second kill may be that of the next process that is asked about. */
	driver->oom_kills = more ? driver->oom_kills + 1 : kills;
	return more;
}

static struct exit_facts gather(struct driver *driver, const struct process *process, int how)
{
	struct exit_facts facts = {.role = process->role,
		.state = driver->state,
		.how = how,
		.ready = process->ready,
		.killed = process->killed,
		.final = process->final,
		.waited = driver->config->max_wait_ms > 0 &&
			  clock_ms() - process->started_at >= driver->config->max_wait_ms,
		.out_of_memory = out_of_memory(driver, process, how),
		.worker_was_ready = driver->ever_ready,
		.source_started = driver->source_started,
		.source_connected = driver->source.control >= 0,
		.sink_connected = driver->sink.control >= 0,
		.lanes_are_gone = true,
		.rewinds = driver_rewinds(driver),
		.stops_at_failure = driver->config->processor.on_failure == FAILURE_STOP,
		.restart_available = restarts_available(&driver->restarts, clock_ms())};

	for (uint32_t i = 0; i < driver->slot_count; i++)
		facts.lanes_are_gone = facts.lanes_are_gone && driver->slots[i].gone;
	return facts;
}

static void treat_held(struct driver *driver, enum exit_held held, const struct worker_slot *slot)
{
	if (held == HELD_IS_SHOWN)
		relay_show_held(&driver->relay);
	else if (held == HELD_OF_THIS_WORKER)
		relay_only_worker(&driver->relay, (int)(slot - driver->slots));
}

static enum restart_cause cause_of(const struct exit_facts *facts)
{
	if (facts->recycles)
		return RESTART_RECYCLED;
	if (facts->overdue)
		return RESTART_TIMEOUT;
	if (facts->out_of_memory)
		return RESTART_MEMORY;
	return !facts->never_ran && WIFSIGNALED(facts->how) ? RESTART_SIGNAL : RESTART_EXIT;
}

static void log_warning_of(struct driver *driver, enum exit_warning warning, const char *death)
{
	if (warning == WARN_DEATH)
		relay_log(&driver->relay, LEVEL_WARNING, "%s", death);
	if (warning != WARN_RESTART)
		return;
	snprintf(driver->last_death, sizeof driver->last_death, "%.200s", death);
	relay_log(&driver->relay, LEVEL_WARNING, "%s, restarting the pipeline", death);
}

/* `slot` is a worker's, else NULL; `death` NULL: described here. */
static void judge(struct driver *driver, const struct process *process, struct worker_slot *slot,
	const struct exit_facts *facts, const struct exit_names *names, const char *death)
{
	struct judgement judgement = judge_exit(facts);
	struct occurrence occurrence = {.event = judgement.event,
		.slot = slot,
		.process = process,
		.cause = cause_of(facts),
		.status = judgement.status,
		.unread = judgement.reason == REASON_OUTPUT_UNREAD};
	char description[TEXT_MAX], text[TEXT_MAX];

	if (death == NULL) {
		exit_describe(description, facts, names);
		death = description;
	}
	treat_held(driver, judgement.held, slot);
	log_warning_of(driver, judgement.warning, death);
	if (judgement.takes_restart)
		restarts_take(&driver->restarts, clock_ms());
	if (!judgement.fires)
		return;
	exit_explain(text, judgement.reason, facts, names, death);
	occurrence.text = text;
	driver_fire(driver, &occurrence);
}

static struct exit_names names_of(const struct driver *driver, const char *process)
{
	return (struct exit_names){.process = process,
		.timeout_ms = driver->config->processor.timeout_ms,
		.restarts = driver->restarts.most};
}

static void worker_ended(struct driver *driver, struct worker_slot *slot, int how)
{
	struct exit_facts facts = gather(driver, &slot->process, how);
	char name[32];
	struct exit_names names = names_of(driver, name);

	snprintf(name, sizeof name, "worker %u", (uint32_t)(slot - driver->slots));
	facts.overdue = slot->overdue;
	facts.recycles = slot->recycles;
	facts.run = slot->page.state;
	facts.accounted = facts.ready && restarts_accounts_for(&slot->last_accounted, &slot->page,
						 driver->config->processor.retry_attempts);
	slot->death = how;
	slot->life++;
	slot->failures = facts.ready ? 0 : slot->failures + 1;
	if (slot->leaves) {
		driver_cut_off(driver, slot);
		return;
	}
	judge(driver, &slot->process, slot, &facts, &names, NULL);
}

static void endpoint_ended(struct driver *driver, const struct process *process, int how)
{
	struct exit_facts facts = gather(driver, process, how);
	struct exit_names names = names_of(driver, process->name);

	judge(driver, process, NULL, &facts, &names, NULL);
}

void driver_not_started(
	struct driver *driver, struct process *process, struct worker_slot *slot, const char *why)
{
	struct exit_facts facts = gather(driver, process, 0);
	struct exit_names names = names_of(driver, process->name);

	facts.never_ran = true;
	facts.ready = facts.killed = false;
	if (slot != NULL)
		slot->failures++;
	judge(driver, process, slot, &facts, &names, why);
}

bool driver_rewinds(const struct driver *driver)
{
	return !config_reads_input(driver->config);
}

/* Which of source (0) and sink (1) to judge next: the cause before its consequence. Without the source the sink
 * ends with 0, without the sink the source with 75, and may be reaped first. -1: none, or not yet. */
static int next_endpoint(const struct driver *driver, int64_t now_ms)
{
	const struct endpoint_exit *exits = driver->endpoint_exits;
	int next = -1;

	for (int i = 0; i < 2; i++) {
		const struct process *other = i == 0 ? &driver->sink : &driver->source;

		if (!exits[i].due)
			continue;
		if (!judge_is_consequence(driver->state, exits[i].how))
			return i;
		if (other->pid != 0 && now_ms < exits[i].at + CAUSE_MS)
			continue;
		if (next < 0 || exits[i].how != 0) /* a sink never ends with 0 by itself */
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

/* The index of the process with this pid; the number of children when there is none. */
static uint32_t find_process(struct driver *driver, pid_t pid)
{
	uint32_t index = 0;

	while (index < driver_child_count(driver) && driver_process(driver, index)->pid != pid)
		index++;
	return index;
}

/* Reaps one dead child; false when there is none. Orphans of handlers are children, too, and only
 * reaped. */
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
	/* While the pid is still taken: kill what the worker's handler had started. */
	if (index >= 2 && index < driver_child_count(driver))
		kill(-info.si_pid, SIGKILL);
	if (waitpid(info.si_pid, &death, 0) != info.si_pid ||
		driver_reload_reaped(driver, info.si_pid, death) ||
		index == driver_child_count(driver))
		return true;
	exits[index] = death;
	dead[index] = true;
	return true;
}

void driver_reap(struct driver *driver)
{
	uint32_t standby = driver_process_count(driver);
	int *exits = mem_array(driver_child_count(driver), sizeof *exits);
	bool *dead = mem_array(driver_child_count(driver), sizeof *dead);
	int64_t now = clock_ms();

	while (reap_one(driver, exits, dead))
		;
	/* Last messages decide what the deaths mean. */
	for (uint32_t i = 0; i < driver_child_count(driver); i++)
		driver_read_control(driver, i);
	if (dead[standby])
		process_reaped(&driver->renewal.standby.process, &driver->relay);
	/* Forget all the pids at once: one that is free again must not be killed. */
	for (uint32_t i = 0; i < driver_process_count(driver); i++) {
		struct page_snapshot page;

		if (!dead[i])
			continue;
		if (i == 0 && !driver_rewinds(driver))
			driver->unfinished += page_get(driver->source.page, COUNT_IN_FLIGHT);
		driver_count_ended(driver, driver_process(driver, i));
		page = process_reaped(driver_process(driver, i), &driver->relay);
		if (i < 2)
			driver->endpoint_exits[i] = (struct endpoint_exit){true, exits[i], now};
		else
			driver->slots[i - 2].page = page;
	}
	/* Source and sink first: workers may have ended because of them. */
	driver_judge_endpoints(driver, now);
	if (dead[standby])
		driver_standby_ended(driver, exits[standby]);
	for (uint32_t i = 2; i < driver_process_count(driver); i++)
		if (dead[i])
			worker_ended(driver, &driver->slots[i - 2], exits[i]);
	free(exits);
	free(dead);
}
