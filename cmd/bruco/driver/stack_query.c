/* How workers show their stacks: `bruco stack`. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "bruco/driver/driver.h"
#include "bruco/monitor/overview_json.h"

/* ---- asking */

/* Whether the worker has a handler for the signal, which would end it otherwise. */
static bool takes_signal(pid_t pid)
{
	char path[64], line[256];
	uint64_t caught = 0;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	file = fopen(path, "re");
	while (file != NULL && fgets(line, sizeof line, file) != NULL)
		if (sscanf(line, "SigCgt: %" SCNx64, &caught) == 1)
			break;
	if (file != NULL)
		fclose(file);
	return (caught & UINT64_C(1) << (SIGNAL_STACKS - 1)) != 0;
}

/* Why this worker can't be asked, or NULL. */
static const char *why_not(const struct driver *driver, const struct worker_slot *slot)
{
	if (slot->process.pid == 0)
		return "it does not run now";
	if (!driver->config->processor.present)
		return "no Python runs in it, for there is no handler";
	if (!takes_signal(slot->process.pid))
		return slot->process.ready ? "its code has taken the signal SIGRTMIN+7"
					   : "its Python does not run yet";
	return NULL;
}

static void send_request(const struct worker_slot *slot)
{
	sigqueue(slot->process.pid, SIGNAL_STACKS,
		(union sigval){.sival_int = (int)slot->stack.request});
}

static void begin(struct worker_slot *slot)
{
	struct stack_query *query = &slot->stack;

	if (++query->request == 0)
		query->request = 1;
	query->asked_at = clock_ms();
	query->threads_at = 0;
	query->again = false;
	query->pid = slot->process.pid;
	driver_look_at_run(&query->run, slot->process.page);
	if (ftruncate(slot->process.stacks, 0) == 0)
		send_request(slot);
}

/* ---- answering */

static bool waits(const struct stack_query *query, uint64_t client)
{
	for (unsigned i = 0; i < query->client_count; i++)
		if (query->clients[i] == client)
			return true;
	return false;
}

/* Whether the client waits for no worker. */
static bool is_served(const struct driver *driver, uint64_t client)
{
	for (uint32_t i = 0; i < driver->slot_count; i++)
		if (waits(&driver->slots[i].stack, client))
			return false;
	return true;
}

/* The file's text; bytes that are not UTF-8 become question marks. */
static json_t *read_text(int file)
{
	char *text = mem_array(STACK_MAX, 1);
	ssize_t got = file < 0 ? 0 : pread(file, text, STACK_MAX, 0);
	size_t length = got < 0 ? 0 : (size_t)got;
	json_t *string;

	if (length == STACK_MAX)
		length = text_cut(text, length, length - 1);
	if (!text_utf8(text, length))
		for (size_t i = 0; i < length; i++)
			if ((text[i] & 0x80) != 0)
				text[i] = '?';
	string = json_stringn(text, length);
	free(text);
	return string;
}

static json_t *describe(const struct driver *driver, const struct worker_slot *slot, const char *note)
{
	const struct stack_query *query = &slot->stack;
	const struct overview_run *run = &query->run;
	bool asked = query->asked_at != 0;
	json_t *object = json_pack("{s:i, s:s, s:s, s:o, s:s}", "number",
		(int)(slot - driver->slots), "worker",
		slot->process.name + strlen("bruco-"), "run",
		overview_run_word(asked ? run->state : RUN_IDLE), "text",
		asked && slot->process.pid == query->pid ? read_text(slot->process.stacks)
							 : json_string(""),
		"note", note);

	if (asked)
		json_object_set_new(object, "pid", json_integer(query->pid));
	if (asked && page_runs(run->state)) {
		json_object_set_new(object, "seq", json_integer((json_int_t)run->seq));
		json_object_set_new(object, "attempt", json_integer(run->attempt));
		json_object_set_new(object, "for_s", json_real((double)run->for_ms / 1000));
	}
	return object;
}

/* Answers all that wait for this worker. */
static void finish(struct driver *driver, struct worker_slot *slot, const char *note)
{
	struct stack_query *query = &slot->stack;
	json_t *answer = describe(driver, slot, note);
	unsigned count = query->client_count;

	query->client_count = 0;
	query->asked_at = 0;
	for (unsigned i = 0; i < count; i++) {
		uint64_t id = query->clients[i];
		struct console_client *client = console_client(&driver->console, id);

		if (client != NULL)
			console_say(client, json_incref(answer), is_served(driver, id));
	}
	json_decref(answer);
}

/* In the place of one that is gone, when the list is full: so many are never there at once. */
static void add_client(struct driver *driver, struct stack_query *query, uint64_t id)
{
	unsigned at = 0;

	if (query->client_count < CONSOLE_CLIENTS)
		at = query->client_count++;
	else
		while (at + 1 < query->client_count &&
			console_client(&driver->console, query->clients[at]) != NULL)
			at++;
	query->clients[at] = id;
}

static void ask(struct driver *driver, struct worker_slot *slot)
{
	const char *why = why_not(driver, slot);

	if (slot->stack.asked_at != 0)
		return; /* it answers somebody else already */
	if (why != NULL)
		finish(driver, slot, why);
	else
		begin(slot);
}

void driver_ask_stacks(struct driver *driver, int64_t worker, struct console_client *client)
{
	uint32_t first = worker < 0 ? 0 : (uint32_t)worker;
	uint32_t end = worker < 0 ? driver->slot_count : first + 1;
	uint64_t id = client->id;

	/* First for all: the last answer is the one after which nobody is waited for. */
	for (uint32_t i = first; i < end; i++)
		add_client(driver, &driver->slots[i].stack, id);
	for (uint32_t i = first; i < end; i++)
		ask(driver, &driver->slots[i]);
}

/* ---- collecting */

/* What to say of an answer that is complete, or that will not become so; NULL: wait. */
static const char *outcome(struct worker_slot *slot, int64_t now_ms)
{
	struct stack_query *query = &slot->stack;
	struct page *page = slot->process.page;

	if (slot->process.pid != query->pid)
		return "it ended before it answered";
	if (query->threads_at == 0 && atomic_load(&page->stacks_threads) == query->request)
		query->threads_at = now_ms;
	if (query->threads_at == 0)
		return now_ms >= query->asked_at + STACK_THREADS_MS
			       ? "it did not take the signal: it may hang in the kernel"
			       : NULL;
	if (atomic_load(&page->stacks_tasks) == query->request)
		return "";
	if (!query->again && now_ms >= query->threads_at + STACK_AGAIN_MS) {
		query->again = true;
		send_request(slot);
	}
	return now_ms >= query->threads_at + STACK_TASKS_MS
		       ? "the event loop did not answer within a second, so its tasks are not shown"
		       : NULL;
}

void driver_collect_stacks(struct driver *driver, int64_t now_ms)
{
	for (uint32_t i = 0; i < driver->slot_count; i++) {
		struct worker_slot *slot = &driver->slots[i];
		const char *note = slot->stack.asked_at == 0 ? NULL : outcome(slot, now_ms);

		if (note != NULL)
			finish(driver, slot, note);
	}
}

int64_t driver_stacks_deadline(const struct driver *driver)
{
	for (uint32_t i = 0; i < driver->slot_count; i++)
		if (driver->slots[i].stack.asked_at != 0)
			return clock_ms() + STACK_LOOK_MS;
	return -1;
}
