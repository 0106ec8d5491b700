/* Events that take too long: the workers' pages are looked at when watchdog.c says that it is time,
 * and what it orders is done. */
#include "bruco/driver/driver.h"

#include <inttypes.h>
#include <signal.h>

#include "base/clock.h"
#include "base/format.h"
#include "bruco/driver/watchdog.h"

/* To the worker alone, not to what its handler has started. */
static void send_signal(const struct worker_slot *slot, int number)
{
	kill(slot->process.pid, number);
}

static void obey(struct driver *driver, struct worker_slot *slot, enum watch_order order)
{
	uint32_t number = (uint32_t)(slot - driver->slots);
	uint64_t seq = slot->watch.event.seq;
	char text[32];

	format_duration(text, driver->config->processor.timeout_ms);
	switch (order) {
	case WATCH_NOTHING:
		break;
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
		/* fall through */
	case WATCH_ALARM:
		send_signal(slot, SIGALRM);
		break;
	case WATCH_DUMP:
		relay_log(&driver->relay, LEVEL_WARNING,
			"worker %u: event %" PRIu64
			" still runs %ds after its timeout, killing the worker",
			number, seq, WATCH_GRACE_MS / 1000);
		send_signal(slot, SIGUSR2);
		break;
	case WATCH_KILL:
		process_kill(&slot->process);
		slot->overdue = slot->process.killed;
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

		if (!is_watched(slot) || now_ms < slot->watch.due_ms)
			continue;
		claim = watch_read(slot->process.page);
		obey(driver, slot,
			watch_look(&slot->watch, &claim, driver->config->processor.timeout_ms,
				now_ms));
	}
}

int64_t driver_watch_deadline(const struct driver *driver)
{
	int64_t deadline = -1;

	for (uint32_t i = 0; i < driver->slot_count; i++) {
		const struct worker_slot *slot = &driver->slots[i];

		if (is_watched(slot) && (deadline < 0 || slot->watch.due_ms < deadline))
			deadline = slot->watch.due_ms;
	}
	return deadline;
}
