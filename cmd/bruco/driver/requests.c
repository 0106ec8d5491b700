/* What the driver answers on its console. */
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "bruco/driver/driver.h"
#include "bruco/monitor/overview_json.h"

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

static const struct {
	const char *command;
	void (*answer)(struct driver *driver, const json_t *request, struct console_client *client);
} requests[] = {{"status", answer_status}};

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
