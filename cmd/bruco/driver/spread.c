#include "bruco/driver/spread.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/format.h"
#include "base/status.h"
#include "base/text.h"
#include "bruco/driver/driver.h"

bool driver_spread_differs(const struct driver *driver)
{
	return driver->config->processor.workers != driver->slot_count ||
	       driver->config->processor.ordering != driver->spread.ordering;
}

/* ---- slots */

static void add_slots(struct driver *driver, uint32_t count)
{
	for (; driver->slot_count < count; driver->slot_count++) {
		struct worker_slot *slot = &driver->slots[driver->slot_count];
		uint32_t life = slot->life;

		*slot = (struct worker_slot){.life = life, .start_at = -1};
		process_init(&slot->process, ROLE_WORKER, driver->slot_count);
	}
}

/* So many there are in the end. */
static void adopt(struct driver *driver, uint32_t workers)
{
	while (driver->slot_count > workers) {
		driver_refuse_restart(driver, driver->slot_count - 1, STATUS_TEMPFAIL,
			"that worker has ended: there are fewer now");
		process_release(&driver->slots[--driver->slot_count].process);
	}
	driver->launch.lanes = workers;
}

/* For good: its lane is empty, and gets no records any more. */
static void dismiss(struct driver *driver, struct worker_slot *slot)
{
	slot->leaves = true;
	slot->start_at = -1;
	if (slot->process.pid != 0)
		driver_retire(slot);
	else
		driver_cut_off(driver, slot);
}

/* ---- the source */

static void ask_source(struct driver *driver)
{
	struct driver_spread *spread = &driver->spread;
	struct message message = {.type = MESSAGE_LANES,
		.lanes = spread->undone ? spread->workers_before : spread->workers,
		.flags = spread->undone ? spread->ordering_before : spread->ordering,
		.seq = ++spread->asked};

	spread->step = SPREAD_WAITS;
	process_send(&driver->source, &message, NULL, 0);
}

static bool additional_are_ready(const struct driver *driver)
{
	for (uint32_t i = driver->spread.workers_before; i < driver->slot_count; i++)
		if (!driver->slots[i].process.ready)
			return false;
	return true;
}

/* As long as a stop would wait for what is under way. */
static int64_t patience_ms(const struct driver *driver)
{
	int64_t ms = driver->config->shutdown_timeout_ms;

	return ms < PATIENCE_LEAST_MS ? PATIENCE_LEAST_MS : ms;
}

/* A long event holds up all lanes: better the old number of workers than none that works. */
static void undo(struct driver *driver)
{
	struct driver_spread *spread = &driver->spread;
	char time[32];

	format_duration(time, patience_ms(driver));
	relay_log(&driver->relay, LEVEL_WARNING,
		"what is under way has not ended within %s: workers and ordering stay as they were", time);
	spread->undone = true;
	spread->deadline_ms = -1;
	driver->config->processor.workers = spread->workers_before;
	driver->config->processor.ordering = spread->ordering_before;
	for (uint32_t i = spread->workers; i < spread->workers_before; i++)
		driver->slots[i].renew = true; /* when this is over: they are old */
	ask_source(driver);
}

void driver_spread_told(struct driver *driver, const struct message *message)
{
	struct driver_spread *spread = &driver->spread;

	if (spread->step != SPREAD_WAITS || message->seq != spread->asked)
		return;
	spread->ordering = driver->config->processor.ordering;
	spread->step = SPREAD_ENDS;
	spread->deadline_ms = clock_ms() + patience_ms(driver);
	for (uint32_t i = message->lanes; i < driver->slot_count; i++)
		dismiss(driver, &driver->slots[i]);
}

/* ---- the steps */

void driver_spread_begin(struct driver *driver)
{
	struct driver_spread *spread = &driver->spread;
	const struct processor_config *processor = &driver->config->processor;

	spread->workers_before = driver->slot_count;
	spread->ordering_before = spread->ordering;
	spread->workers = processor->workers;
	spread->ordering = processor->ordering;
	spread->undone = false;
	spread->step = SPREAD_STARTS;
	spread->deadline_ms = -1;
	add_slots(driver, spread->workers);
	for (uint32_t i = spread->workers_before; i < driver->slot_count; i++)
		driver_start_worker(driver, &driver->slots[i]);
}

static bool surplus_have_ended(const struct driver *driver, uint32_t count)
{
	for (uint32_t i = count; i < driver->slot_count; i++)
		if (driver->slots[i].process.pid != 0)
			return false;
	return true;
}

static void kill_surplus(struct driver *driver)
{
	for (uint32_t i = driver->config->processor.workers; i < driver->slot_count; i++)
		process_kill(&driver->slots[i].process);
	driver->spread.deadline_ms = -1;
}

bool driver_spread_step(struct driver *driver)
{
	struct driver_spread *spread = &driver->spread;
	bool late = spread->deadline_ms >= 0 && clock_ms() >= spread->deadline_ms;

	if (spread->step == SPREAD_STARTS && additional_are_ready(driver)) {
		spread->deadline_ms = clock_ms() + patience_ms(driver);
		ask_source(driver);
	} else if (spread->step == SPREAD_WAITS && late) {
		undo(driver);
	} else if (spread->step == SPREAD_ENDS && late) {
		kill_surplus(driver);
	}
	if (spread->step != SPREAD_ENDS || !surplus_have_ended(driver, driver->config->processor.workers))
		return false;
	adopt(driver, driver->config->processor.workers);
	spread->step = SPREAD_NONE;
	spread->deadline_ms = -1;
	return true;
}

int64_t driver_spread_deadline(const struct driver *driver)
{
	return driver->spread.step == SPREAD_NONE ? -1 : driver->spread.deadline_ms;
}

void driver_spread_settle(struct driver *driver)
{
	struct driver_spread *spread = &driver->spread;

	*spread = (struct driver_spread){.ordering = driver->config->processor.ordering,
		.asked = spread->asked,
		.deadline_ms = -1};
	add_slots(driver, driver->config->processor.workers);
	adopt(driver, driver->config->processor.workers);
}
