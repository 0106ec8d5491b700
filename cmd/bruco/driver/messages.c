/* What the processes say to the driver on their control sockets, and who the processes are. */
#include "bruco/driver/driver.h"

#include <errno.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"

enum { MESSAGES_AT_ONCE = 64 };

uint32_t driver_process_count(const struct driver *driver)
{
	return 2 + driver->slot_count;
}

uint32_t driver_child_count(const struct driver *driver)
{
	return driver_process_count(driver) + 1;
}

struct process *driver_process(struct driver *driver, uint32_t index)
{
	if (index == 0)
		return &driver->source;
	if (index == driver_process_count(driver))
		return &driver->renewal.standby.process;
	return index == 1 ? &driver->sink : &driver->slots[index - 2].process;
}

/* Whether all processes from `first` on are ready. 1 leaves out the source, which waits for the
 * others. */
static bool all_ready(struct driver *driver, uint32_t first)
{
	for (uint32_t i = first; i < driver_process_count(driver); i++)
		if (!driver_process(driver, i)->ready && (i < 2 || !driver->slots[i - 2].gone))
			return false;
	return true;
}

static void ready(struct driver *driver, struct process *process, struct worker_slot *slot,
	const struct message *message)
{
	process->ready = true;
	relay_log(&driver->relay, LEVEL_DEBUG, "%s is ready", process->name);
	if (slot != NULL) {
		slot->failures = 0;
		driver->depth = message->depth;
		watch_begin(&slot->watch, clock_ms());
		driver->ever_ready = true;
		relay_release_held(&driver->relay);
	}
	if (driver->state == STATE_STARTING && !driver->source_started && all_ready(driver, 1)) {
		struct message start = {.type = MESSAGE_START, .depth = driver->depth};

		driver->source_started = true;
		if (driver->pauses.pauses.count > 0)
			driver_send_pauses(driver);
		process_send(&driver->source, &start, NULL, 0);
	}
	if (all_ready(driver, 0))
		driver_fire(driver, &(struct occurrence){.event = EVENT_READY});
}

static void broken(struct driver *driver, const struct message *message)
{
	struct worker_slot *slot;

	if (message->lane >= driver->slot_count)
		return;
	slot = &driver->slots[message->lane];
	if (slot->process.pid == 0 || slot->life != message->life)
		return; /* the sink speaks of an earlier life */
	relay_log(&driver->relay, LEVEL_WARNING, "worker %u sent an invalid frame, killing it",
		message->lane);
	process_kill(&slot->process);
}

/* Dropped when the socket to the source has no room: the next attempt has a higher number. */
static void pass_attempt(
	struct driver *driver, const struct worker_slot *slot, const struct message *message)
{
	struct message attempt = {.type = MESSAGE_ATTEMPT,
		.lane = (uint32_t)(slot - driver->slots),
		.seq = message->seq,
		.page = {.attempt = message->page.attempt}};

	if (driver->source.control >= 0 && driver->source.outbox_count == 0)
		process_send(&driver->source, &attempt, NULL, 0);
}

/* User code has the worker's socket, too. */
static bool worker_may_say(const struct message *message)
{
	switch (message->type) {
	case MESSAGE_READY:
		return message->depth >= 1 && message->depth <= LIMIT_BATCH_EVENTS;
	case MESSAGE_RECYCLE:
	case MESSAGE_ATTEMPT:
		return true;
	default:
		return false;
	}
}

static void misspoken(struct driver *driver, struct process *process)
{
	if (!process->killed)
		relay_log(&driver->relay, LEVEL_WARNING, "%s sent an invalid message, killing it",
			process->name);
	process_kill(process);
}

static void handle_message(struct driver *driver, struct process *process, struct worker_slot *slot,
	const struct message *message)
{
	if (process->role == ROLE_WORKER && !worker_may_say(message))
		misspoken(driver, process);
	else if (process == &driver->renewal.standby.process) {
		if (message->type == MESSAGE_READY && !process->ready)
			driver_standby_ready(driver, message);
	} else if (message->type == MESSAGE_READY && !process->ready)
		ready(driver, process, slot, message);
	else if (message->type == MESSAGE_RECYCLE && slot != NULL)
		slot->recycles = true;
	else if (message->type == MESSAGE_CLOSING && process == &driver->source)
		driver_fire(driver, &(struct occurrence){.event = EVENT_CLOSING});
	else if (message->type == MESSAGE_LANES && process == &driver->source)
		driver_spread_told(driver, message);
	else if (message->type == MESSAGE_PAUSED && process == &driver->source)
		driver_pauses_obeyed(driver, message->seq);
	else if (message->type == MESSAGE_FINAL && slot == NULL)
		process->final = true;
	else if (message->type == MESSAGE_BROKEN && slot == NULL)
		broken(driver, message);
	else if (message->type == MESSAGE_ATTEMPT && slot != NULL)
		pass_attempt(driver, slot, message);
}

void driver_read_control(struct driver *driver, uint32_t index)
{
	struct process *process = driver_process(driver, index);
	bool has_slot = index >= 2 && index < driver_process_count(driver);
	struct worker_slot *slot = has_slot ? &driver->slots[index - 2] : NULL;
	struct message message;
	int fds[SOCK_FDS_MAX];
	size_t fd_count, ack_count;
	const struct ack *acks;

	/* What one says without end must not keep the driver from the others. */
	for (int n = 0; process->control >= 0 && n < MESSAGES_AT_ONCE; n++) {
		int got = message_receive(
			process->control, &message, fds, &fd_count, &acks, &ack_count);

		if (got < 0 && errno == EAGAIN)
			return;
		if (got == 0)
			fd_close(&process->control);
		else if (got < 0 && process->role == ROLE_WORKER)
			misspoken(driver, process);
		if (got <= 0)
			continue;
		if (fd_count > 0 && process->role == ROLE_WORKER)
			misspoken(driver, process);
		while (fd_count > 0)
			close(fds[--fd_count]);
		handle_message(driver, process, slot, &message);
	}
}
