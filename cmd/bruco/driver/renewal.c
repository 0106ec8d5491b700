/* Renewing workers: `bruco restart`, and the second half of a reload. */
#include "bruco/driver/renewal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/format.h"
#include "base/status.h"
#include "bruco/driver/driver.h"
#include "bruco/driver/exit_text.h"

void driver_init_standby(struct standby *standby, uint32_t lane)
{
	*standby = (struct standby){.lane = lane, .in = -1, .out = -1};
	process_init(&standby->process, ROLE_WORKER, lane);
}

static void forget_standby(struct standby *standby)
{
	fd_close(&standby->in);
	fd_close(&standby->out);
	buf_release(&standby->log);
	standby->depth = 0;
}

void driver_release_standby(struct standby *standby)
{
	forget_standby(standby);
	process_release(&standby->process);
}

/* ---- who waits */

void driver_await_renewal(
	struct driver *driver, const struct renewal_waiter *waiter, struct console_client *client)
{
	struct renewal_waiter *waiters = driver->renewal.waiters;
	unsigned at = 0;

	/* The list has room for all clients that are there. */
	while (at + 1 < CONSOLE_CLIENTS && waiters[at].client != 0 &&
		console_client(&driver->console, waiters[at].client) != NULL)
		at++;
	waiters[at] = *waiter;
	waiters[at].client = client->id;
}

static bool is_meant(const struct renewal_waiter *waiter, const struct renewal_waiter *wanted)
{
	if (waiter->round == 0 || wanted->round == 0)
		return waiter->round == wanted->round && waiter->lane == wanted->lane;
	return waiter->round <= wanted->round && (wanted->to_the_end || !waiter->to_the_end);
}

struct console_client *driver_renewal_client(
	struct driver *driver, const struct renewal_waiter *wanted, unsigned *at)
{
	for (; *at < CONSOLE_CLIENTS; ++*at) {
		struct renewal_waiter *waiter = &driver->renewal.waiters[*at];
		struct console_client *client;

		if (waiter->client == 0 || !is_meant(waiter, wanted))
			continue;
		client = console_client(&driver->console, waiter->client);
		waiter->client = 0;
		if (client != NULL)
			return client;
	}
	return NULL;
}

static void answer_restarted(struct driver *driver, const struct worker_slot *slot)
{
	uint32_t lane = (uint32_t)(slot - driver->slots);
	struct console_client *client;
	unsigned at = 0;

	while ((client = driver_renewal_client(
			driver, &(struct renewal_waiter){.lane = lane}, &at)) != NULL)
		driver_answer_restarted(driver, lane, client);
}

void driver_refuse_restart(struct driver *driver, uint32_t lane, int status, const char *why)
{
	struct console_client *client;
	unsigned at = 0;

	while ((client = driver_renewal_client(
			driver, &(struct renewal_waiter){.lane = lane}, &at)) != NULL)
		console_refuse(client, status, "%s", why);
}

/* ---- the standby */

/* The lane's worker is not renewed after all. */
static void give_up(struct driver *driver, uint32_t lane, int status, const char *why)
{
	struct worker_slot *slot = &driver->slots[lane];
	struct buf *log = &driver->renewal.standby.log;

	slot->renew = false;
	driver_refuse_restart(driver, lane, status, why);
	driver_reload_failed(driver, status, why, log);
	forget_standby(&driver->renewal.standby);
}

static bool open_ends(struct standby *standby, uint32_t lanes, int given[2])
{
	int in[2], out[2];

	if (driver_worker_pipes(lanes, in, out) < 0)
		return false;
	given[0] = in[0];
	standby->in = in[1];
	standby->out = out[0];
	given[1] = out[1];
	return true;
}

static void start_standby(struct driver *driver, uint32_t lane)
{
	struct standby *standby = &driver->renewal.standby;
	char text[TEXT_MAX];
	int given[2];

	driver_release_standby(standby);
	driver_init_standby(standby, lane);
	if (open_ends(standby, driver->slot_count, given) &&
		process_start(&standby->process, driver_launch_of_new_workers(driver), lane,
			driver->slots[lane].life + 1, given, 2) == 0) {
		for (int i = 0; i < PROCESS_OUTPUTS; i++)
			standby->process.outputs[i].copy = &standby->log;
		return;
	}
	snprintf(text, sizeof text, "the new worker-%u cannot be started: %s", lane, strerror(errno));
	relay_log(&driver->relay, LEVEL_ERROR, "%s", text);
	give_up(driver, lane, STATUS_TEMPFAIL, text);
}

void driver_standby_ready(struct driver *driver, const struct message *message)
{
	struct standby *standby = &driver->renewal.standby;

	standby->process.ready = true;
	standby->depth = message->depth;
	relay_log(&driver->relay, LEVEL_DEBUG, "the new %s is ready", standby->process.name);
	if (!standby->unwanted)
		driver_reload_proven(driver);
}

void driver_standby_ended(struct driver *driver, int how)
{
	struct standby *standby = &driver->renewal.standby;
	struct exit_facts facts = {.role = ROLE_WORKER, .how = how};
	char process[32], death[TEXT_MAX], text[TEXT_MAX];

	if (standby->unwanted) {
		standby->unwanted = false;
		forget_standby(standby);
		return;
	}
	snprintf(process, sizeof process, "the new worker-%u", standby->lane);
	exit_describe(death, &facts,
		&(struct exit_names){.process = process, .restarts = driver->restarts.most});
	snprintf(text, sizeof text, "%.190s, the old one goes on", death);
	if (driver->reload.step == RELOAD_NONE) /* the reload says it, too */
		relay_log(&driver->relay, LEVEL_ERROR, "%s", text);
	give_up(driver, standby->lane, WIFEXITED(how) && how != 0 ? WEXITSTATUS(how) : STATUS_TEMPFAIL,
		text);
}

/* The new process stands in the lane; the old one's structure is the standby's, and empty. */
static void exchange(struct process *old, struct process *new)
{
	struct process kept = *old;

	new->starts += kept.starts;
	*old = *new;
	*new = kept;
	for (int i = 0; i < PROCESS_OUTPUTS; i++)
		old->outputs[i].copy = new->outputs[i].copy = NULL;
}

bool driver_standby_takes(struct driver *driver, struct worker_slot *slot, int fds[2])
{
	struct standby *standby = &driver->renewal.standby;

	if (standby->process.pid == 0 || !standby->process.ready || standby->process.killed ||
		standby->unwanted || standby->process.control < 0 ||
		&driver->slots[standby->lane] != slot)
		return false;
	exchange(&slot->process, &standby->process);
	fds[0] = standby->in;
	fds[1] = standby->out;
	standby->in = standby->out = -1;
	forget_standby(standby);
	slot->failures = 0;
	slot->renew = false;
	watch_begin(&slot->watch, clock_ms());
	return true;
}

/* ---- one after the other */

void driver_worker_renewed(struct driver *driver, struct worker_slot *slot)
{
	answer_restarted(driver, slot);
	driver_reload_step(driver);
}

void driver_retire(struct worker_slot *slot)
{
	slot->retires = true;
	slot->retires_at = clock_ms();
	atomic_store(&slot->process.page->retire, 1);
	process_send(&slot->process, &(struct message){.type = MESSAGE_RETIRE}, NULL, 0);
}

/* The standby is not wanted after all. */
static void dismiss(struct standby *standby)
{
	if (standby->process.pid == 0 || standby->unwanted)
		return;
	standby->unwanted = true;
	process_kill(&standby->process);
}

/* As long as a stop would wait. */
static int64_t patience_ms(const struct driver *driver)
{
	int64_t ms = driver->config->shutdown_timeout_ms;

	return ms < PATIENCE_LEAST_MS ? PATIENCE_LEAST_MS : ms;
}

static int64_t patience_ends(const struct driver *driver, const struct worker_slot *slot)
{
	return slot->retires_at + patience_ms(driver);
}

static void abandon_all(struct driver *driver)
{
	struct standby *standby = &driver->renewal.standby;
	char text[TEXT_MAX];

	snprintf(text, sizeof text, "the pipeline does not run any more: it is %s",
		supervise_state_name(driver->state));
	for (uint32_t i = 0; i < driver->slot_count; i++) {
		driver->slots[i].renew = false;
		driver_refuse_restart(driver, i, STATUS_TEMPFAIL, text);
	}
	driver_reload_failed(driver, STATUS_TEMPFAIL, text, NULL);
	dismiss(standby);
}

/* A worker whose event does not end must not keep the others from being renewed. It will still end after
 * the event, and its successor is new in any case. */
static void pass_over(struct driver *driver, struct worker_slot *slot)
{
	uint32_t lane = (uint32_t)(slot - driver->slots);
	char text[TEXT_MAX], time[32];

	format_duration(time, patience_ms(driver));
	snprintf(text, sizeof text,
		"worker-%u has not ended an event within %s: it is renewed when the event is done",
		lane, time);
	relay_log(&driver->relay, LEVEL_WARNING, "%s", text);
	slot->renew = false;
	driver_refuse_restart(driver, lane, STATUS_TEMPFAIL, text);
	dismiss(&driver->renewal.standby);
}

static int64_t standby_deadline(const struct driver *driver)
{
	return driver->renewal.standby.process.started_at +
	       (driver->reload.wanted ? STANDBY_HURRY_MS : STANDBY_MS);
}

/* What never comes to an end when it starts must not keep a better one from being tried. */
static void give_up_starting(struct driver *driver)
{
	struct standby *standby = &driver->renewal.standby;
	char text[TEXT_MAX], time[32];

	format_duration(time, clock_ms() - standby->process.started_at);
	snprintf(text, sizeof text, "the new worker-%u was not ready after %s, the old one goes on",
		standby->lane, time);
	if (driver->reload.step == RELOAD_NONE)
		relay_log(&driver->relay, LEVEL_ERROR, "%s", text);
	dismiss(standby);
	give_up(driver, standby->lane, STATUS_TEMPFAIL, text);
}

static bool something_is_under_way(const struct driver *driver)
{
	for (uint32_t i = 0; i < driver->slot_count; i++)
		if (driver->slots[i].renew)
			return true;
	return driver->renewal.standby.process.pid != 0 || driver_reloads(driver);
}

static void renew_some(struct driver *driver)
{
	struct standby *standby = &driver->renewal.standby;
	struct worker_slot *slot;

	if (driver->state != STATE_RUNNING) {
		if (driver->state != STATE_STARTING)
			abandon_all(driver);
		return;
	}
	driver_reload_step(driver);
	if (driver_reload_spreads(driver)) { /* each lane keeps its worker meanwhile */
		driver_reload_spread(driver);
		return;
	}
	if (standby->process.pid == 0) {
		for (uint32_t i = 0; i < driver->slot_count; i++)
			if (driver->slots[i].renew) {
				start_standby(driver, i);
				return;
			}
	} else if (!standby->process.ready && !standby->unwanted) {
		if (clock_ms() >= standby_deadline(driver))
			give_up_starting(driver);
	} else if (!standby->unwanted) {
		slot = &driver->slots[standby->lane];
		if (slot->process.pid == 0)
			driver_start_worker(driver, slot); /* the standby */
		else if (!slot->retires && slot->process.ready)
			driver_retire(slot);
		else if (slot->retires && clock_ms() >= patience_ends(driver, slot))
			pass_over(driver, slot);
	}
}

struct progress {
	enum reload_step reload;
	enum spread_step spread;
	uint32_t round;
	pid_t standby;
};

static struct progress progress(const struct driver *driver)
{
	return (struct progress){driver->reload.step, driver->spread.step, driver->reload.round,
		driver->renewal.standby.process.pid};
}

static bool is_same(struct progress one, struct progress other)
{
	return one.reload == other.reload && one.spread == other.spread && one.round == other.round &&
	       one.standby == other.standby;
}

/* As far as it goes: nothing may wake the driver for a step that can be made now. */
void driver_renew(struct driver *driver)
{
	struct progress before;

	do {
		before = progress(driver);
		if (something_is_under_way(driver))
			renew_some(driver);
	} while (!is_same(before, progress(driver)));
}

int64_t driver_renew_deadline(const struct driver *driver)
{
	const struct standby *standby = &driver->renewal.standby;
	const struct worker_slot *slot = &driver->slots[standby->lane];

	if (driver_reload_spreads(driver))
		return driver_spread_deadline(driver);
	if (standby->process.pid == 0 || standby->unwanted)
		return -1;
	if (!standby->process.ready)
		return standby_deadline(driver);
	return slot->retires ? patience_ends(driver, slot) : -1;
}
