/* The actions of the supervision table: the only place where the driver does something to its
 * processes. */
#include "bruco/driver/driver.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/back_off.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/format.h"
#include "base/status.h"
#include "bruco/driver/service_notify.h"
#include "lane/given.h"

enum { PIPE_MOST = 1 << 20, PIPES_TOGETHER = 32 << 20 };

static void keep_status(struct driver *driver, const struct occurrence *occurrence)
{
	if (driver->status != 0)
		return;
	driver->status = occurrence->status;
	driver->unread = occurrence->unread;
	snprintf(driver->reason, sizeof driver->reason, "%s", occurrence->text);
}

static void keep_signal(struct driver *driver, const struct occurrence *occurrence)
{
	driver->signal = occurrence->signal;
	snprintf(driver->reason, sizeof driver->reason, "killed by a second %s", occurrence->text);
}

static void report_ready(struct driver *driver, const struct occurrence *occurrence)
{
	(void)occurrence;
	driver->was_ready = true;
	if (driver->ready_at == 0)
		driver->ready_at = clock_ms();
	relay_log(&driver->relay, LEVEL_INFO, "ready");
	notify("READY=1");
}

void driver_cut_off(struct driver *driver, struct worker_slot *slot)
{
	struct message message = {.type = MESSAGE_LANE,
		.life = slot->life,
		.status = slot->death,
		.lane = (uint32_t)(slot - driver->slots),
		.flags = slot->overdue ? LANE_TIMED_OUT : 0,
		.page = slot->page};

	if (slot->gone)
		return;
	slot->gone = true;
	slot->start_at = -1;
	process_send(&driver->sink, &message, NULL, 0);
}

static void cut_lane(struct driver *driver, const struct occurrence *occurrence)
{
	driver_cut_off(driver, occurrence->slot);
}

/* An unprivileged user has 64 MiB of pipe buffers in all. */
static int pipe_size(uint32_t lanes)
{
	int share = PIPES_TOGETHER / (2 * (int)lanes);

	return share < PIPE_MOST ? share : PIPE_MOST;
}

int driver_worker_pipes(uint32_t lanes, int in[2], int out[2])
{
	int size = pipe_size(lanes);

	out[0] = out[1] = -1;
	if (fd_pipe(in, size) < 0)
		return -1;
	if (fd_pipe(out, size) == 0)
		return 0;
	fd_close(&in[0]);
	fd_close(&in[1]);
	return -1;
}

/* `ends`: our ends of the pipes. False: it can't be started, which has been judged. */
static bool start_new_worker(struct driver *driver, struct worker_slot *slot, int ends[2])
{
	uint32_t number = (uint32_t)(slot - driver->slots);
	int in[2], out[2];
	char text[TEXT_MAX];
	int error;

	if (driver_worker_pipes(driver->slot_count, in, out) == 0) {
		ends[0] = in[1];
		ends[1] = out[0];
		if (process_start(&slot->process, &driver->launch, number, slot->life,
			    (const int[]){in[0], out[1]}, 2) == 0)
			return true;
		error = errno;
		fd_close(&ends[0]);
		fd_close(&ends[1]);
		errno = error;
	}
	snprintf(text, sizeof text, "worker %u cannot be started: %s", number, strerror(errno));
	driver_not_started(driver, &slot->process, slot, text);
	return false;
}

void driver_start_worker(struct driver *driver, struct worker_slot *slot)
{
	struct message message = {.type = MESSAGE_LANE,
		.lane = (uint32_t)(slot - driver->slots),
		.life = slot->life,
		.status = slot->death,
		.flags = slot->overdue ? LANE_TIMED_OUT : 0,
		.page = slot->page};
	bool renewed;
	int ends[2];

	slot->start_at = -1;
	slot->recycles = slot->overdue = slot->retires = false;
	renewed = driver_standby_takes(driver, slot, ends);
	if (!renewed && !start_new_worker(driver, slot, ends))
		return;
	process_send(&driver->sink, &message, ends, 2);
	if (driver->state == STATE_DRAINING)
		process_send(&slot->process, &(struct message){.type = MESSAGE_DRAIN}, NULL, 0);
	if (renewed)
		driver_worker_renewed(driver, slot);
}

static void replace(struct driver *driver, const struct occurrence *occurrence)
{
	struct worker_slot *slot = occurrence->slot;
	int64_t wait = back_off_ms(slot->failures);
	char text[32];

	driver_count_restart(driver, occurrence);
	format_duration(text, wait);
	slot->start_at = clock_ms() + wait;
	if (occurrence->event == EVENT_WORKER_RECYCLED) {
		driver_start_worker(driver, slot); /* the worker itself has logged why */
	} else if (wait > 0) {
		relay_log(&driver->relay, LEVEL_WARNING, "%s, restarting in %s", occurrence->text,
			text);
	} else {
		relay_log(&driver->relay, LEVEL_WARNING, "%s, restarting", occurrence->text);
		driver_start_worker(driver, slot);
	}
}

static void drain(struct driver *driver, const struct occurrence *occurrence)
{
	struct message message = {.type = MESSAGE_DRAIN};

	relay_log(&driver->relay, LEVEL_INFO, "stopping: %s", occurrence->text);
	notify("STOPPING=1");
	process_send(&driver->source, &message, NULL, 0);
	for (uint32_t i = 0; i < driver->slot_count; i++) {
		struct worker_slot *slot = &driver->slots[i];

		process_send(&slot->process, &message, NULL, 0);
		if (slot->start_at >= 0) /* the last start, without the rest of the back-off */
			slot->start_at = clock_ms();
	}
}

static void arm(struct driver *driver, const struct occurrence *occurrence)
{
	(void)occurrence;
	if (driver->deadline < 0)
		driver->deadline = clock_ms() + driver->config->shutdown_timeout_ms;
}

static void kill_unready(struct driver *driver, const struct occurrence *occurrence)
{
	(void)occurrence;
	for (uint32_t i = 0; i < driver->slot_count; i++)
		if (!driver->slots[i].process.ready)
			process_kill(&driver->slots[i].process);
}

static void kill_workers(struct driver *driver, const struct occurrence *occurrence)
{
	(void)occurrence;
	for (uint32_t i = 0; i < driver->slot_count; i++) {
		struct worker_slot *slot = &driver->slots[i];

		/* The sink reads a dead worker's pipe to its end, so it hears of the living ones
		 * when they are dead. */
		if (slot->process.pid != 0)
			process_kill(&slot->process);
		else
			driver_cut_off(driver, slot);
	}
	driver->deadline = clock_ms() + GRACE_MS;
}

static void kill_all(struct driver *driver, const struct occurrence *occurrence)
{
	(void)occurrence;
	driver->deadline = clock_ms() + KILL_MS;
	process_kill(&driver->source);
	process_kill(&driver->sink);
	for (uint32_t i = 0; i < driver->slot_count; i++) {
		driver->slots[i].start_at = -1;
		process_kill(&driver->slots[i].process);
	}
}

static void abandon(struct driver *driver, const struct occurrence *occurrence)
{
	(void)occurrence;
	for (uint32_t i = 0; i < driver_child_count(driver); i++) {
		struct process *process = driver_process(driver, i);

		if (process->pid == 0)
			continue;
		relay_log(&driver->relay, LEVEL_ERROR,
			"%s (process %d) was killed and does not end, leaving it", process->name,
			(int)process->pid);
		driver_count_ended(driver, process);
		process_reaped(process, &driver->relay);
	}
}

/*
 * Source or sink is dead, so the workers are killed. The other one finishes what it can without
 * them: the sink acknowledges what is delivered, the source commits what is acknowledged and
 * leaves the consumer group, unless the next start takes over its place there.
 */
static void settle_rest(struct driver *driver, const struct occurrence *occurrence)
{
	struct message message = {.type = MESSAGE_DRAIN,
		.flags = driver->state == STATE_RESTARTING ? DRAIN_RESTART : 0};

	if (driver->state == STATE_RESTARTING)
		driver_count_restart(driver, occurrence);
	process_send(&driver->source, &message, NULL, 0);
	for (uint32_t i = 0; i < driver->slot_count; i++) {
		driver->slots[i].start_at = -1;
		process_kill(&driver->slots[i].process);
	}
	driver->deadline = clock_ms() + SETTLE_MS;
}

static void back_off(struct driver *driver, const struct occurrence *occurrence)
{
	int64_t now = clock_ms();

	(void)occurrence;
	/* A pipeline that became ready starts its back-off anew; maxRestarts limits quick deaths.
	 * */
	if (driver->was_ready)
		driver->failures = 0;
	driver->deadline = now + back_off_ms(++driver->failures);
}

/* For source and sink each, in this order: their end of the link, and the memory of what workers were given. */
static bool make_link(int link[2][2])
{
	int ends[2], given = given_create();

	if (given < 0 || sock_pair(ends) < 0) {
		fd_close(&given);
		return false;
	}
	link[0][0] = ends[0];
	link[1][0] = ends[1];
	link[0][1] = given;
	link[1][1] = fcntl(given, F_DUPFD_CLOEXEC, 3);
	if (link[1][1] >= 0)
		return true;
	close(ends[0]);
	close(ends[1]);
	close(given);
	return false;
}

static void start_all(struct driver *driver, const struct occurrence *occurrence)
{
	struct process *const ends[] = {&driver->source, &driver->sink};
	char text[TEXT_MAX];
	int link[2][2];

	(void)occurrence;
	driver->deadline = -1;
	driver->was_ready = false;
	driver->source_started = false;
	driver_spread_settle(driver);
	if (!make_link(link)) {
		snprintf(text, sizeof text, "the link cannot be made: %s", strerror(errno));
		driver_not_started(driver, &driver->source, NULL, text);
		return;
	}
	for (int i = 0; i < 2; i++) {
		if (process_start(ends[i], &driver->launch, 0, 0, link[i], 2) == 0)
			continue;
		snprintf(text, sizeof text, "%s cannot be started: %s", ends[i]->name,
			strerror(errno));
		for (int j = 0; i == 0 && j < 2; j++)
			close(link[1][j]);
		driver_not_started(driver, ends[i], NULL, text);
		return;
	}
	for (uint32_t i = 0; i < driver->slot_count; i++) {
		struct worker_slot *slot = &driver->slots[i];

		slot->life = 0;
		slot->failures = 0;
		slot->gone = slot->leaves = false;
		slot->death = 0;
		slot->overdue = false;
		slot->page = (struct page_snapshot){0};
		slot->last_accounted = (struct event_mark){0};
		driver_start_worker(driver, slot);
	}
}

static void (*const actions[ACTION_COUNT])(struct driver *, const struct occurrence *) = {
	keep_status, keep_signal, report_ready, cut_lane, replace, drain, arm, kill_unready,
	kill_workers, settle_rest, kill_all, abandon, back_off, start_all};

void driver_fire(struct driver *driver, const struct occurrence *occurrence)
{
	struct supervise_step step = supervise(driver->state, occurrence->event);

	if (step.next != driver->state)
		relay_log(&driver->relay, LEVEL_DEBUG, "%s: from %s to %s",
			supervise_event_name(occurrence->event),
			supervise_state_name(driver->state), supervise_state_name(step.next));
	driver->state = step.next;
	for (int i = 0; i < ACTION_COUNT; i++)
		if (step.actions & 1U << i)
			actions[i](driver, occurrence);
}
