#include "bruco/monitor/tap_client.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/signals.h"
#include "base/status.h"
#include "base/text.h"
#include "bruco/monitor/console_client.h"
#include "bruco/monitor/tap_reader.h"
#include "control/messages.h"
#include "json/base64.h"
#include "json/record_json.h"
#include "tap/taps.h"

enum {
	ASK_MS = 200,        /* between two questions while there is no tap */
	END_MS = 1000,       /* for what is on its way at the end */
	OUTPUT_MOST = 64 << 10 /* bytes made before they are written */
};

struct tap_client {
	const struct tap_wish *wish;
	int signals;
	struct tap_reader reader;
	char *stage;        /* that is tapped; NULL: none was yet */
	bool asked_before;
	bool waits;         /* and that was said */
	bool placed_before;
	bool gone;          /* the pipeline */
	int64_t ask_at;     /* ms, while there is no tap */
	struct buf out;
	size_t written;     /* bytes of `out` */
	uint64_t in_out;    /* records in it */
	uint64_t shown;     /* records */
	uint64_t left_out;  /* with the taps before this one */
	bool ending;        /* a signal has asked for it */
	uint64_t goal;      /* then: records that had matched by then */
	int64_t deadline;   /* and: ms */
};

/* ---- asking */

static json_t *request_of(const struct tap_wish *wish)
{
	json_t *request = json_pack("{s:s, s:s}", "command", "tap", "edge", wish->edge);
	struct buf coded = {0};

	if (wish->key != NULL) {
		base64_encode(wish->key, strlen(wish->key), &coded);
		json_object_set_new(request, "key",
			json_stringn((const char *)coded.data, coded.length));
	}
	if (wish->partition >= 0)
		json_object_set_new(request, "partition", json_integer(wish->partition));
	buf_release(&coded);
	return request;
}

/* The first time that it can't connect ends the program. */
static bool reach(struct tap_client *client, struct console_link *link)
{
	const struct tap_wish *wish = client->wish;
	bool first = !client->asked_before;

	client->asked_before = true;
	if (first)
		console_connect(link, wish->socket, wish->name);
	else if (!console_reconnect(link, wish->socket, wish->name)) {
		client->gone = errno != EAGAIN;
		return false;
	}
	if (console_try_send(link, request_of(wish)))
		return true;
	console_disconnect(link);
	return false;
}

static void take_answer(
	struct tap_client *client, const json_t *answer, const int *fds, size_t fd_count)
{
	const char *stage = json_string_value(json_object_get(answer, "tap"));
	const char *waiting = json_string_value(json_object_get(answer, "waiting"));

	if (stage != NULL && fd_count == TAP_FDS) {
		free(client->stage);
		client->stage = mem_text(stage);
		if (!tap_reader_open(&client->reader, fds[TAP_FD_PIPE], fds[TAP_FD_PAGE]))
			die(STATUS_TEMPFAIL, "a tap's page can't be used: %s", strerror(errno));
		return;
	}
	for (size_t i = 0; i < fd_count; i++)
		close(fds[i]);
	if (waiting != NULL && !client->waits)
		log_info("waiting for %s", waiting);
	client->waits = true;
}

static void ask(struct tap_client *client)
{
	struct console_link link;
	int fds[SOCK_FDS_MAX];
	size_t fd_count;
	json_t *answer;

	client->ask_at = clock_ms() + ASK_MS;
	if (!reach(client, &link))
		return;
	answer = console_receive_fds(&link, fds, &fd_count);
	console_disconnect(&link);
	take_answer(client, answer, fds, fd_count);
	json_decref(answer);
}

/* ---- records */

static bool is_full(const struct tap_client *client)
{
	return client->wish->count > 0 && client->shown == client->wish->count;
}

/* Whether nothing more is to be read. */
static bool has_all(const struct tap_client *client)
{
	if (is_full(client) || client->gone)
		return true;
	return client->ending && (client->reader.fd < 0 ||
					 tap_reader_settled(&client->reader, client->goal));
}

static void show(struct tap_client *client, const struct frame_record *record)
{
	const struct frame_head *head = &record->head;

	client->shown++;
	client->in_out++;
	if (!client->wish->frames) {
		record_json_write(record, &client->out);
		return;
	}
	frame_patch(client->reader.frame, head->type, head->flags, head->attempt, client->shown);
	buf_append(&client->out, client->reader.frame, head->length);
}

static void on_placed(struct tap_client *client)
{
	if (client->placed_before)
		log_warning("%s was started again, records in between are not shown",
			client->stage);
	else
		log_info("tapping %s", client->stage);
	client->placed_before = true;
	client->waits = false;
}

/* What it had not written yet is lost with the stage. */
static void on_ended(struct tap_client *client)
{
	client->left_out += tap_reader_matched(&client->reader) - client->reader.received;
	tap_reader_close(&client->reader);
	client->ask_at = clock_ms();
}

static void take_records(struct tap_client *client)
{
	struct frame_record record;

	while (!has_all(client) && client->out.length < OUTPUT_MOST) {
		switch (tap_reader_next(&client->reader, &record)) {
		case TAP_RECORD:
			show(client, &record);
			break;
		case TAP_PLACED:
			on_placed(client);
			break;
		case TAP_REFUSED:
			die_plain(STATUS_TEMPFAIL, "%s has %d taps already, which is the most",
				client->stage, TAPS_MAX);
		case TAP_ENDED:
			on_ended(client);
			return;
		case TAP_NOTHING:
			return;
		}
	}
}

/* As much as never blocks when poll(2) has said that there is room. */
static void write_out(struct tap_client *client)
{
	struct buf *out = &client->out;
	size_t left = out->length - client->written;
	ssize_t written = write(
		STDOUT_FILENO, out->data + client->written, left < PIPE_BUF ? left : PIPE_BUF);

	if (written < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (written < 0 && errno == EPIPE)
		signals_die(SIGPIPE);
	if (written < 0)
		die(STATUS_TEMPFAIL, "cannot write to standard output: %s", strerror(errno));
	client->written += (size_t)written;
	if (client->written < out->length)
		return;
	buf_reset(out);
	client->written = 0;
	client->in_out = 0;
}

/* ---- the loop */

static void on_signals(struct tap_client *client)
{
	while (signals_next(client->signals) != 0) {
		/* At the second one it waits for nothing any more. */
		client->deadline = clock_ms() + (client->ending ? 0 : END_MS);
		if (!client->ending && client->reader.fd >= 0)
			client->goal = tap_reader_matched(&client->reader);
		client->ending = true;
	}
}

static int time_left(const struct tap_client *client, int64_t now)
{
	int left = -1;

	if (client->ending)
		left = clock_left(client->deadline, now);
	if (client->reader.fd < 0 && !client->gone)
		left = clock_shorter(left, clock_left(client->ask_at, now));
	return left;
}

static void wait_and_work(struct tap_client *client)
{
	bool has_output = client->out.length > 0;
	struct pollfd fds[] = {{.fd = client->signals, .events = POLLIN},
		{.fd = STDOUT_FILENO, .events = has_output ? POLLOUT : 0},
		{.fd = has_output ? -1 : client->reader.fd, .events = POLLIN}};

	fd_poll(fds, sizeof fds / sizeof fds[0], time_left(client, clock_ms()));
	if (fds[0].revents != 0)
		on_signals(client);
	if ((fds[1].revents & (POLLERR | POLLHUP)) != 0)
		signals_die(SIGPIPE);
	if ((fds[1].revents & POLLOUT) != 0)
		write_out(client);
	/* Whatever poll(2) says: there may be frames that were read already. */
	if (client->out.length == 0 && client->reader.fd >= 0)
		take_records(client);
	if (client->reader.fd < 0 && !client->ending && !client->gone &&
		clock_ms() >= client->ask_at)
		ask(client);
}

static bool is_over(const struct tap_client *client)
{
	bool late = client->ending && clock_ms() >= client->deadline;

	return late || (client->out.length == 0 && has_all(client));
}

/* What this tap's reader was too slow for, or has not shown at all. */
static uint64_t count_left_out(const struct tap_client *client)
{
	const struct tap_reader *reader = &client->reader;
	uint64_t sum = client->left_out + client->in_out;

	if (reader->fd < 0)
		return sum;
	if (is_full(client))
		return sum + tap_reader_skipped(reader);
	if (has_all(client))
		return sum + tap_reader_left_out(reader);
	return sum + client->goal - reader->received;
}

static int report(struct tap_client *client)
{
	uint64_t left_out = count_left_out(client);

	if (left_out > 0)
		log_warning("left out: %" PRIu64 " record%s, for which this tap was read too slowly",
			left_out, PLURAL(left_out));
	if (!client->gone)
		return STATUS_OK;
	log_info("the pipeline has ended");
	return client->wish->count > 0 ? STATUS_UNAVAILABLE : STATUS_OK;
}

int tap_client_run(const struct tap_wish *wish)
{
	struct tap_client client = {.wish = wish, .signals = signals_init(0), .reader.fd = -1};
	uint8_t end[FRAME_HEADER];
	int status;

	ask(&client);
	while (!is_over(&client))
		wait_and_work(&client);
	if (wish->frames && client.out.length == 0)
		fd_write_all(STDOUT_FILENO, end, frame_end_write(end, client.shown));
	status = report(&client);
	tap_reader_close(&client.reader);
	buf_release(&client.reader.in);
	buf_release(&client.out);
	free(client.stage);
	return status;
}
