#include "bruco/driver/driver.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/cgroup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/format.h"
#include "base/mem.h"
#include "base/signals.h"
#include "base/status.h"
#include "bruco/driver/service_notify.h"

enum { LAST_WORDS_MS = 1000 };

static bool nothing_runs(struct driver *driver)
{
	if (driver->endpoint_exits[0].due || driver->endpoint_exits[1].due)
		return false;
	for (uint32_t i = 0; i < driver_child_count(driver); i++)
		if (driver_process(driver, i)->pid != 0)
			return false;
	return true;
}

/* ---- signals and time */

static void take_signal(struct driver *driver, int number)
{
	struct occurrence occurrence = {
		.event = EVENT_SIGNAL, .status = STATUS_TEMPFAIL, .signal = number};
	char text[TEXT_MAX];

	if (number == SIGHUP && driver->signals > 0)
		return; /* the terminal went away while the driver stops already */
	if (driver->signals++ > 0)
		occurrence.event = EVENT_SECOND_SIGNAL;
	snprintf(text, sizeof text, "SIG%s", signals_name(number));
	if (occurrence.event == EVENT_SIGNAL &&
		(driver->state == STATE_RESTARTING || driver->state == STATE_WAITING))
		snprintf(text, sizeof text, "SIG%s before it was restarted: %.200s",
			signals_name(number), driver->last_death);
	occurrence.text = text;
	driver_fire(driver, &occurrence);
}

static void take_signals(struct driver *driver)
{
	bool children = false;
	int number;

	while ((number = signals_next(driver->signal_fd)) != 0)
		if (number == SIGCHLD)
			children = true;
		else if (number == SIGUSR1)
			driver_summarize(driver, LEVEL_INFO);
		else if (number == SIGHUP && driver->reload.by_signal)
			driver_want_reload(driver);
		else
			take_signal(driver, number);
	if (children)
		driver_reap(driver);
}

static bool workers_may_start(const struct driver *driver)
{
	return driver->state == STATE_STARTING || driver->state == STATE_RUNNING ||
	       driver->state == STATE_DRAINING;
}

/* Whether all processes are to end now, without another message. */
static bool all_shall_end(const struct driver *driver)
{
	return judge_is_over(driver->state) || driver->state == STATE_SETTLING ||
	       driver->state == STATE_RESTARTING;
}

static bool all_are_killed(const struct driver *driver)
{
	return driver->state == STATE_CLEARING || driver->state == STATE_KILLING;
}

static void describe_stuck(char text[TEXT_MAX], const struct process *process)
{
	snprintf(text, TEXT_MAX, "%s (process %d) does not end, though it was killed",
		process->name, (int)process->pid);
}

/* All is delivered, but what the sink does at its end is not done. */
static void fail_at_end(struct driver *driver, const struct process *process)
{
	if (driver->status != STATUS_OK)
		return;
	driver->status = STATUS_TEMPFAIL;
	snprintf(driver->reason, sizeof driver->reason, "%s waited in vain for the end of its program", process->name);
}

/* The deadline of the driver's state has passed. */
static void time_is_up(struct driver *driver)
{
	char text[TEXT_MAX], duration[32];
	struct occurrence occurrence = {
		.event = EVENT_TIMEOUT, .status = STATUS_TEMPFAIL, .text = text};

	driver->deadline = -1;
	format_duration(duration, driver->config->shutdown_timeout_ms);
	snprintf(text, sizeof text, "the shutdown timeout of %s passed with work left", duration);
	for (uint32_t i = 0; i < driver_child_count(driver); i++) {
		const struct process *process = driver_process(driver, i);

		if (process->pid != 0 && !process->killed && process->final && judge_is_over(driver->state))
			fail_at_end(driver, process);
		else if (process->pid != 0 && !process->killed && all_shall_end(driver))
			relay_log(&driver->relay, LEVEL_WARNING,
				"%s has nothing left to do but does not end, killing it",
				process->name);
		if (process->pid != 0 && all_are_killed(driver))
			describe_stuck(text, process);
	}
	driver_fire(driver, &occurrence);
}

/* Reports processes that were killed KILL_MS ago and are still there. */
static void report_stuck(struct driver *driver, int64_t now_ms)
{
	char text[TEXT_MAX];
	struct occurrence occurrence = {
		.event = EVENT_STUCK, .status = STATUS_TEMPFAIL, .text = text};

	for (uint32_t i = 0; i < driver_child_count(driver); i++) {
		struct process *process = driver_process(driver, i);
		int64_t deadline = process_kill_deadline(process);

		if (deadline < 0 || now_ms < deadline || process->stuck)
			continue;
		process->stuck = true;
		describe_stuck(text, process);
		driver_fire(driver, &occurrence);
	}
}

static void tick(struct driver *driver)
{
	int64_t now = clock_ms();

	notify_watchdog(now);
	driver_judge_endpoints(driver, now);
	driver_watch(driver, now);
	driver_collect_stacks(driver, now);
	for (uint32_t i = 0; i < driver->slot_count; i++) {
		struct worker_slot *slot = &driver->slots[i];

		if (slot->start_at >= 0 && now >= slot->start_at && workers_may_start(driver))
			driver_start_worker(driver, slot);
	}
	for (uint32_t i = 0; i < driver_child_count(driver); i++)
		for (int j = 0; j < PROCESS_OUTPUTS; j++)
			stage_output_tick(
				&driver_process(driver, i)->outputs[j], &driver->relay, now);
	relay_tick(&driver->relay, now);
	report_stuck(driver, now);
	if (driver->deadline >= 0 && now >= driver->deadline)
		time_is_up(driver);
	driver_renew(driver);
	if (nothing_runs(driver))
		driver_fire(driver, &(struct occurrence){.event = EVENT_REAPED});
}

static int next_tick(struct driver *driver)
{
	int64_t deadline = driver->deadline;

	if (workers_may_start(driver))
		for (uint32_t i = 0; i < driver->slot_count; i++)
			deadline = clock_sooner(deadline, driver->slots[i].start_at);
	for (uint32_t i = 0; i < driver_child_count(driver); i++) {
		const struct process *process = driver_process(driver, i);

		for (int j = 0; j < PROCESS_OUTPUTS; j++)
			deadline = clock_sooner(deadline, stage_output_deadline(&process->outputs[j]));
		if (!process->stuck)
			deadline = clock_sooner(deadline, process_kill_deadline(process));
	}
	for (int i = 0; i < 2; i++)
		if (driver->endpoint_exits[i].due)
			deadline = clock_sooner(deadline, driver->endpoint_exits[i].at + CAUSE_MS);
	deadline = clock_sooner(deadline, notify_deadline());
	deadline = clock_sooner(deadline, driver_watch_deadline(driver));
	deadline = clock_sooner(deadline, driver_stacks_deadline(driver));
	deadline = clock_sooner(deadline, driver_renew_deadline(driver));
	deadline = clock_sooner(deadline, relay_deadline(&driver->relay));
	deadline = clock_sooner(deadline, console_deadline(&driver->console));
	deadline = clock_sooner(deadline, http_deadline(driver->scrapes.http));
	return clock_left(deadline, clock_ms());
}

/* ---- the loop */

enum {
	POLL_SIGNALS,
	POLL_WRITER,
	POLL_HTTP,
	POLL_CONSOLE,
	POLL_PROCESSES = POLL_CONSOLE + CONSOLE_POLLS
};

static void wait_and_serve(struct driver *driver, struct pollfd *polls)
{
	nfds_t count = POLL_PROCESSES;
	struct pollfd *at;

	polls[POLL_SIGNALS] = (struct pollfd){.fd = driver->signal_fd, .events = POLLIN};
	polls[POLL_WRITER] = log_writer_poll(&driver->relay.writer);
	polls[POLL_HTTP] = (struct pollfd){.fd = http_fd(driver->scrapes.http), .events = POLLIN};
	console_poll(&driver->console, &polls[POLL_CONSOLE]);
	for (uint32_t i = 0; i < driver_child_count(driver); i++) {
		const struct process *process = driver_process(driver, i);

		for (int j = 0; j < PROCESS_OUTPUTS; j++)
			polls[count++] =
				(struct pollfd){.fd = process->outputs[j].fd, .events = POLLIN};
		polls[count++] = (struct pollfd){.fd = process->control,
			.events = (short)(POLLIN | (process->outbox_count > 0 ? POLLOUT : 0))};
	}
	if (fd_poll(polls, count, next_tick(driver)) < 0)
		return;

	if (polls[POLL_WRITER].revents != 0)
		log_writer_write(&driver->relay.writer);
	at = &polls[POLL_PROCESSES];
	for (uint32_t i = 0; i < driver_child_count(driver); i++) {
		struct process *process = driver_process(driver, i);

		for (int j = 0; j < PROCESS_OUTPUTS; j++, at++)
			if (at->revents != 0)
				stage_output_read(&process->outputs[j], &driver->relay);
		if (at->revents & POLLOUT)
			process_flush(process);
		if (at->revents & ~POLLOUT)
			driver_read_control(driver, i);
		at++;
	}
	driver_serve_console(driver, &polls[POLL_CONSOLE], clock_ms());
	http_serve(driver->scrapes.http, clock_ms());
	if (polls[POLL_SIGNALS].revents != 0)
		take_signals(driver);
}

static void driver_init(struct driver *driver, struct config *config, const char *venv,
	bool stop_at_end, int signal_fd)
{
	*driver = (struct driver){.config = config,
		.signal_fd = signal_fd,
		.deadline = -1,
		.begun_at = clock_ms(),
		.oom_kills = cgroup_oom_kills("")};
	signals_take(signal_fd, SIGUSR1);
	instance_init(&driver->instance);
	instance_settle(&driver->instance, config);
	launch_init(&driver->launch, config, venv, stop_at_end);
	relay_init(&driver->relay, STDERR_FILENO);
	driver_open_console(driver);
	driver_open_scrapes(driver);
	relay_hold(&driver->relay);
	restarts_init(&driver->restarts, config->max_restarts);
	process_init(&driver->source, ROLE_SOURCE, 0);
	process_init(&driver->sink, ROLE_SINK, 0);
	driver->slots = mem_array(LIMIT_LANES, sizeof *driver->slots);
	driver_init_standby(&driver->renewal.standby, 0);
	/* What a handler started and left behind becomes our child, to be reaped here. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

static void driver_release(struct driver *driver)
{
	console_close(&driver->console);
	scrapes_close(&driver->scrapes);
	pauses_release(&driver->pauses.pauses);
	relay_show_rest(&driver->relay);
	log_writer_flush(&driver->relay.writer, LAST_WORDS_MS);
	relay_release(&driver->relay);
	for (uint32_t i = 0; i < driver_process_count(driver); i++)
		process_release(driver_process(driver, i));
	driver_release_standby(&driver->renewal.standby);
	driver_release_reload(driver);
	free(driver->slots);
	free(driver->last_board);
	restarts_release(&driver->restarts);
	launch_release(&driver->launch);
	instance_release(&driver->instance);
}

/* Logs the last lines and settles the status: 0 promises that nothing is missing. */
static void report_end(struct driver *driver)
{
	struct relay *relay = &driver->relay;

	if (driver->unread && driver->signal == 0) {
		driver->signal = SIGPIPE;
		relay_log(relay, LEVEL_INFO, "%s", driver->reason);
		return;
	}
	if (driver->unfinished > 0) {
		relay_log(relay, LEVEL_ERROR,
			"lost: %" PRIu64
			" records, read from standard input and not known to be delivered",
			driver->unfinished);
		if (driver->status == STATUS_OK && driver->signal == 0) {
			driver->status = STATUS_TEMPFAIL;
			snprintf(driver->reason, sizeof driver->reason, "stopped with work left");
		}
	}
	if (driver->signal != 0 || driver->status != 0)
		relay_log(relay, LEVEL_ERROR, "%s", driver->reason);
	else
		relay_log(relay, LEVEL_INFO, "done");
}

/* With -q the summary tells of a failure only. That nobody reads any more is none. */
static bool has_failed(const struct driver *driver)
{
	return !driver->unread && (driver->status != STATUS_OK || driver->signal != 0);
}

int driver_run(struct config *config, const struct reload_source *source, const char *venv,
	bool stop_at_end, int signal_fd, int *signal_number)
{
	struct driver driver;
	struct pollfd *polls;

	driver_init(&driver, config, venv, stop_at_end, signal_fd);
	driver_prepare_reload(&driver, source);
	polls = mem_array(POLL_PROCESSES + (LIMIT_LANES + 3) * (PROCESS_OUTPUTS + 1), sizeof *polls);
	/* The driver begins as after a back-off: nothing runs, and the wait is over. */
	driver.state = STATE_WAITING;
	driver_fire(&driver, &(struct occurrence){.event = EVENT_TIMEOUT});
	while (driver.state != STATE_DONE) {
		wait_and_serve(&driver, polls);
		tick(&driver);
	}

	relay_show_rest(&driver.relay);
	driver_summarize(&driver, has_failed(&driver) ? LEVEL_WARNING : LEVEL_INFO);
	report_end(&driver);
	*signal_number = driver.signal;
	free(polls);
	driver_release(&driver);
	return driver.signal != 0 ? 0 : driver.status;
}
