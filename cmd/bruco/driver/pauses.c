#include "bruco/driver/pauses.h"

#include "base/fd.h"
#include "bruco/driver/driver.h"

void driver_send_pauses(struct driver *driver)
{
	struct message message = {.type = MESSAGE_PAUSES, .seq = driver->pauses.number};
	struct buf text = {0};
	int fd;

	pauses_write(&driver->pauses.pauses, &text);
	fd = fd_memory("bruco-pauses", text.data, text.length);
	buf_release(&text);
	if (fd >= 0)
		process_send(&driver->source, &message, &fd, 1);
	else
		relay_log(&driver->relay, LEVEL_WARNING, "cannot tell the source what is paused");
}

bool driver_pause(
	struct driver *driver, bool pause, const char *topic, int32_t partition, uint64_t client)
{
	struct driver_pauses *pauses = &driver->pauses;
	char place[16] = "";

	if (!pauses_add(&pauses->pauses, pause, topic, partition))
		return false;
	pauses->number++;
	for (int i = 0; i < CONSOLE_CLIENTS; i++)
		if (pauses->requests[i].client == 0 ||
			console_client(&driver->console, pauses->requests[i].client) == NULL) {
			pauses->requests[i] = (struct pause_request){.client = client,
				.number = pauses->number,
				.partition = partition};
			snprintf(pauses->requests[i].topic, BOARD_TOPIC, "%s",
				topic == NULL ? "" : topic);
			break;
		}
	if (partition >= 0)
		snprintf(place, sizeof place, "[%d]", (int)partition);
	relay_log(&driver->relay, LEVEL_INFO, "%s: %s%s", pause ? "paused" : "resumed",
		topic == NULL ? "all" : topic, place);
	if (driver->source.control >= 0)
		driver_send_pauses(driver);
	return true;
}

void driver_pauses_obeyed(struct driver *driver, uint64_t number)
{
	for (int i = 0; i < CONSOLE_CLIENTS; i++) {
		struct pause_request *request = &driver->pauses.requests[i];
		struct console_client *client;

		if (request->client == 0 || request->number > number)
			continue;
		client = console_client(&driver->console, request->client);
		if (client != NULL)
			driver_answer_pause(driver, client, request);
		*request = (struct pause_request){0};
	}
}
