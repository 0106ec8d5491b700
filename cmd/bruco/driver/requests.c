/* What the driver answers on its console. */
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "bruco/driver/driver.h"
#include "bruco/monitor/overview_json.h"

enum { WORKER_ALL = -1, WORKER_UNKNOWN = -2 };

/* The request's member "worker", a number; without it WORKER_ALL. WORKER_UNKNOWN: it has been refused. */
static int64_t named_worker(
	const struct driver *driver, const json_t *request, struct console_client *client)
{
	const json_t *worker = json_object_get(request, "worker");
	int64_t number = json_integer_value(worker);

	if (worker == NULL)
		return WORKER_ALL;
	if (json_is_integer(worker) && number >= 0 && number < driver->slot_count)
		return number;
	if (driver->slot_count == 1)
		console_refuse(client, STATUS_USAGE, "this pipeline has one worker, worker-0");
	else
		console_refuse(client, STATUS_USAGE, "this pipeline has worker-0 to worker-%u",
			driver->slot_count - 1);
	return WORKER_UNKNOWN;
}

static void answer_status(
	struct driver *driver, const json_t *request, struct console_client *client)
{
	struct overview overview;

	(void)request;
	driver_look(driver, &overview);
	console_say(client,
		overview_json(&overview,
			overview_unready(&overview, driver->config->metrics.stall_after_ms)),
		true);
	overview_release(&overview);
}

static void answer_stack(
	struct driver *driver, const json_t *request, struct console_client *client)
{
	int64_t worker = named_worker(driver, request, client);

	if (worker != WORKER_UNKNOWN)
		driver_ask_stacks(driver, worker, client);
}

static json_t *restart_answer(const struct driver *driver, uint32_t lane, const char *state)
{
	const struct process *process = &driver->slots[lane].process;

	return json_pack("{s:s, s:s, s:i}", "worker", process->name + strlen("bruco-"), "state",
		state, "pid", (int)process->pid);
}

void driver_answer_restarted(struct driver *driver, uint32_t lane, struct console_client *client)
{
	console_say(client, restart_answer(driver, lane, "ready"), true);
}

static bool wants_to_wait(const json_t *request)
{
	return json_is_true(json_object_get(request, "wait"));
}

static void answer_restart(
	struct driver *driver, const json_t *request, struct console_client *client)
{
	int64_t lane = named_worker(driver, request, client);

	if (lane == WORKER_UNKNOWN)
		return;
	if (lane == WORKER_ALL || driver->state != STATE_RUNNING) {
		console_refuse(client, lane == WORKER_ALL ? STATUS_USAGE : STATUS_TEMPFAIL,
			lane == WORKER_ALL ? "which worker?" : "the pipeline does not run: it is %s",
			supervise_state_name(driver->state));
		return;
	}
	driver->slots[lane].renew = true;
	if (wants_to_wait(request))
		driver_await_renewal(
			driver, &(struct renewal_waiter){.lane = (uint32_t)lane}, client);
	else
		console_say(client, restart_answer(driver, (uint32_t)lane, "asked"), true);
}

static json_t *reload_answer(const struct driver *driver, bool ended)
{
	const struct texts *left = &driver->reload.left;
	json_t *paths = json_array();

	for (size_t i = 0; i < left->count; i++)
		json_array_append_new(paths, json_string(left->items[i]));
	return json_pack("{s:b, s:i, s:o, s:b}", "ended", ended, "workers", (int)driver->slot_count,
		"not_reloaded", paths, "handler_only", driver->config->input != NULL);
}

void driver_answer_reloaded(struct driver *driver, bool ended)
{
	struct renewal_waiter wanted = {.round = driver->reload.round, .to_the_end = ended};
	struct console_client *client;
	unsigned at = 0;

	while ((client = driver_renewal_client(driver, &wanted, &at)) != NULL)
		console_say(client, reload_answer(driver, ended), true);
}

void driver_refuse_reload(
	struct driver *driver, int status, const char *why, const struct buf *log)
{
	struct renewal_waiter wanted = {.round = driver->reload.round, .to_the_end = true};
	struct console_client *client;
	unsigned at = 0;

	while ((client = driver_renewal_client(driver, &wanted, &at)) != NULL) {
		json_t *text = log == NULL || log->length == 0
				       ? NULL
				       : json_stringn((const char *)log->data, log->length);

		if (text != NULL)
			console_say(client, json_pack("{s:o}", "log", text), false);
		client = console_client(&driver->console, client->id);
		if (client != NULL)
			console_refuse(client, status, "%s", why);
	}
}

static void answer_reload(
	struct driver *driver, const json_t *request, struct console_client *client)
{
	struct renewal_waiter waiter = {.to_the_end = wants_to_wait(request)};

	if (driver->reload.source == NULL) {
		console_refuse(client, STATUS_USAGE, "'bruco dev' starts anew by itself at an edit");
	} else if (driver->state != STATE_RUNNING && driver->state != STATE_STARTING) {
		console_refuse(client, STATUS_TEMPFAIL, "the pipeline does not run: it is %s",
			supervise_state_name(driver->state));
	} else {
		waiter.round = driver_want_reload(driver);
		driver_await_renewal(driver, &waiter, client);
	}
}

static const struct {
	const char *command;
	void (*answer)(struct driver *driver, const json_t *request, struct console_client *client);
} requests[] = {{"status", answer_status}, {"stack", answer_stack}, {"restart", answer_restart},
	{"reload", answer_reload}, {"tap", driver_answer_tap}, {"pause", driver_answer_pause_request},
	{"resume", driver_answer_resume_request}};

static void answer(void *owner, const json_t *request, struct console_client *client)
{
	const char *command = json_string_value(json_object_get(request, "command"));

	for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++)
		if (strcmp(requests[i].command, command) == 0) {
			requests[i].answer(owner, request, client);
			return;
		}
	console_refuse(client, STATUS_USAGE, "this pipeline knows no command '%.64s'", command);
}

void driver_open_console(struct driver *driver)
{
	char *why;

	if (!console_open(&driver->console, driver->config->name, &why))
		relay_log(&driver->relay, LEVEL_WARNING,
			"there is no console, so no 'bruco status': %s", why);
	else
		relay_log(&driver->relay, LEVEL_DEBUG, "console: %s", driver->console.path);
	free(why);
}

void driver_serve_console(struct driver *driver, const struct pollfd *polls, int64_t now_ms)
{
	console_serve(&driver->console, polls, answer, driver, now_ms);
}
