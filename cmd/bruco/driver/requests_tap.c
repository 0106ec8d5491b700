/* What the driver does for `bruco tap`: it makes a pipe and a page, and gives their ends to the stage
 * and to the client. No record passes the driver, and it keeps nothing of a tap. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/status.h"
#include "bruco/driver/driver.h"
#include "json/base64.h"
#include "tap/taps.h"

static bool read_edge(const char *word, struct tap_filter *filter)
{
	static const char *const edges[] = {
		[TAP_IN] = "in", [TAP_OUT] = "out", [TAP_FAILED] = "failed"};

	for (uint32_t i = 0; word != NULL && i < sizeof edges / sizeof edges[0]; i++)
		if (strcmp(word, edges[i]) == 0) {
			filter->edge = i;
			return true;
		}
	return false;
}

/* As Base64, since it may be no text. */
static bool read_key(const json_t *coded, struct tap_filter *filter)
{
	struct buf key = {0};
	bool good;

	filter->key_length = FRAME_NULL;
	if (coded == NULL)
		return true;
	good = json_is_string(coded) &&
	       base64_decode(json_string_value(coded), json_string_length(coded), &key) &&
	       key.length <= TAP_KEY_MAX;
	if (good) {
		filter->key_length = (int32_t)key.length;
		if (key.length > 0)
			memcpy(filter->key, key.data, key.length);
	}
	buf_release(&key);
	return good;
}

static bool read_partition(const json_t *number, struct tap_filter *filter)
{
	filter->partition = -1;
	if (number == NULL)
		return true;
	if (!json_is_integer(number) || json_integer_value(number) < 0 ||
		json_integer_value(number) > INT32_MAX)
		return false;
	filter->partition = (int32_t)json_integer_value(number);
	return true;
}

/* 0, or -1 with errno; then nothing is open. */
static int open_ends(const struct tap_filter *filter, int stage[TAP_FDS], int reader[TAP_FDS])
{
	int ends[2];

	stage[TAP_FD_PAGE] = reader[TAP_FD_PAGE] = -1;
	if (fd_pipe(ends, TAP_PIPE) < 0)
		return -1;
	reader[TAP_FD_PIPE] = ends[0];
	stage[TAP_FD_PIPE] = ends[1];
	stage[TAP_FD_PAGE] = tap_page_create(filter);
	if (stage[TAP_FD_PAGE] >= 0)
		reader[TAP_FD_PAGE] = fcntl(stage[TAP_FD_PAGE], F_DUPFD_CLOEXEC, 3);
	if (reader[TAP_FD_PAGE] >= 0)
		return 0;
	for (int i = 0; i < TAP_FDS; i++) {
		fd_close(&stage[i]);
		fd_close(&reader[i]);
	}
	return -1;
}

static void open_tap(struct process *process, const struct tap_filter *filter,
	struct console_client *client)
{
	int stage[TAP_FDS], reader[TAP_FDS];

	if (open_ends(filter, stage, reader) < 0) {
		console_refuse(client, STATUS_TEMPFAIL, "a tap can't be made: %s", strerror(errno));
		return;
	}
	process_send(process, &(struct message){.type = MESSAGE_TAP}, stage, TAP_FDS);
	console_hand(client, json_pack("{s:s}", "tap", process->name), reader, TAP_FDS);
	for (int i = 0; i < TAP_FDS; i++)
		close(reader[i]);
}

void driver_answer_tap(
	struct driver *driver, const json_t *request, struct console_client *client)
{
	struct tap_filter filter;
	struct process *process;

	if (!read_edge(json_string_value(json_object_get(request, "edge")), &filter) ||
		!read_key(json_object_get(request, "key"), &filter) ||
		!read_partition(json_object_get(request, "partition"), &filter)) {
		console_refuse(client, STATUS_USAGE,
			"a tap's edge is in, out or failed, its key Base64 of at most %d bytes, "
			"its partition 0 or more",
			TAP_KEY_MAX);
		return;
	}
	process = filter.edge == TAP_IN ? &driver->source : &driver->sink;
	/* With messages that wait for it, it is busy, and taps would pile up. */
	if (process->pid == 0 || process->control < 0 || process->outbox_count > 0) {
		console_say(client, json_pack("{s:s}", "waiting", process->name), true);
		return;
	}
	relay_log(&driver->relay, LEVEL_DEBUG, "a tap on %s", process->name);
	open_tap(process, &filter, client);
}
