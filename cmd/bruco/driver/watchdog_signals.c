#include "bruco/driver/watchdog_signals.h"

#include <inttypes.h>
#include <signal.h>

#include "base/clock.h"
#include "base/format.h"
#include "bruco/driver/driver.h"

bool watchdog_signal(struct process *process, enum watch_order order)
{
	if (order == WATCH_TIMEOUT || order == WATCH_ALARM)
		kill(process->pid, SIGALRM);
	else if (order == WATCH_DUMP)
		kill(process->pid, SIGUSR2);
	else if (order == WATCH_KILL)
		process_kill(process);
	return order == WATCH_KILL && process->killed;
}

static void log_order(struct driver *driver, const struct worker_slot *slot, enum watch_order order)
{
	uint32_t number = (uint32_t)(slot - driver->slots);
	uint64_t seq = slot->watch.event.seq;
	char text[32];

	format_duration(text, driver->config->processor.timeout_ms);
	switch (order) {
	case WATCH_LONG:
		relay_log(&driver->relay, LEVEL_WARNING,
			"worker %u: an event has been running for %" PRId64 "s (number %" PRIu64
			" of its lane), and processor.timeout is not set",
			number, (slot->watch.given_ms - slot->watch.begun_ms) / 1000, seq);
		break;
	case WATCH_TIMEOUT:
		relay_log(&driver->relay, LEVEL_WARNING,
			"worker %u: an event takes longer than %s (number %" PRIu64
			" of its lane, attempt %u)",
			number, text, seq, slot->watch.event.attempt + 1);
		break;
	case WATCH_DUMP:
		relay_log(&driver->relay, LEVEL_WARNING,
			"worker %u: event %" PRIu64
			" still runs %ds after its timeout, killing the worker",
			number, seq, WATCH_GRACE_MS / 1000);
		break;
	default:
		break;
	}
}

static bool is_watched(const struct worker_slot *slot)
{
	return slot->process.pid != 0 && slot->process.ready && !slot->process.killed;
}

void driver_watch(struct driver *driver, int64_t now_ms)
{
	for (uint32_t i = 0; i < driver->slot_count; i++) {
		struct worker_slot *slot = &driver->slots[i];
		struct watch_claim claim;
		enum watch_order order;

		if (!is_watched(slot) || now_ms < slot->watch.due_ms)
			continue;
		claim = watch_read(slot->process.page);
		order = watch_look(
			&slot->watch, &claim, driver->config->processor.timeout_ms, now_ms);
		log_order(driver, slot, order);
		if (watchdog_signal(&slot->process, order))
			slot->overdue = true;
	}
}

int64_t driver_watch_deadline(const struct driver *driver)
{
	int64_t deadline = -1;

	for (uint32_t i = 0; i < driver->slot_count; i++) {
		const struct worker_slot *slot = &driver->slots[i];

		if (is_watched(slot))
			deadline = clock_sooner(deadline, slot->watch.due_ms);
	}
	return deadline;
}
