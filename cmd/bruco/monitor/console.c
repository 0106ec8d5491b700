#include "bruco/monitor/console.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/sock.h"
#include "base/status.h"
#include "bruco/monitor/console_path.h"

bool console_open(struct console *console, const char *name, char **why)
{
	char *folder = console_folder(true);

	*why = NULL;
	*console = (struct console){.listener = -1};
	for (int i = 0; i < CONSOLE_CLIENTS; i++)
		console->clients[i].fd = -1;
	if (folder == NULL) {
		*why = mem_printf("its folder can't be used: %s", strerror(errno));
		return false;
	}
	for (unsigned number = 1; number <= CONSOLE_SIBLINGS && console->listener < 0; number++) {
		free(console->path);
		console->path = console_path(folder, name, number);
		console->listener = sock_listen(console->path, SOCK_STREAM);
		if (console->listener < 0 && errno != EADDRINUSE)
			break;
	}
	if (console->listener >= 0)
		fd_nonblocking(console->listener, true);
	else
		*why = mem_printf("'%s': %s", console->path, strerror(errno));
	free(folder);
	return console->listener >= 0;
}

static void drop(struct console_client *client)
{
	fd_close(&client->fd);
	buf_release(&client->in);
	buf_release(&client->out);
	*client = (struct console_client){.fd = -1};
}

void console_close(struct console *console)
{
	for (int i = 0; i < CONSOLE_CLIENTS; i++)
		if (console->clients[i].fd >= 0)
			drop(&console->clients[i]);
	if (console->listener >= 0)
		unlink(console->path);
	fd_close(&console->listener);
	free(console->path);
	console->path = NULL;
}

void console_poll(const struct console *console, struct pollfd *polls)
{
	polls[0] = (struct pollfd){.fd = console->listener, .events = POLLIN};
	for (int i = 0; i < CONSOLE_CLIENTS; i++) {
		const struct console_client *client = &console->clients[i];

		polls[i + 1] = (struct pollfd){.fd = client->fd,
			.events = (short)(client->out.length > 0 ? POLLOUT : POLLIN)};
	}
}

int64_t console_deadline(const struct console *console)
{
	int64_t first = -1;

	for (int i = 0; i < CONSOLE_CLIENTS; i++)
		if (console->clients[i].fd >= 0)
			first = clock_sooner(first, console->clients[i].deadline);
	return first;
}

struct console_client *console_client(struct console *console, uint64_t id)
{
	for (int i = 0; i < CONSOLE_CLIENTS; i++)
		if (console->clients[i].fd >= 0 && console->clients[i].id == id)
			return &console->clients[i];
	return NULL;
}

/* Sends what the socket takes. */
static void send_out(struct console_client *client)
{
	while (client->out.length > 0) {
		ssize_t sent = send(client->fd, client->out.data, client->out.length,
			MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno == EAGAIN && client->out.length <= CONSOLE_BACKLOG_MAX)
			return;
		if (sent < 0) {
			drop(client);
			return;
		}
		buf_drop(&client->out, (size_t)sent);
	}
	if (client->last)
		drop(client);
}

void console_say(struct console_client *client, json_t *object, bool last)
{
	char *text = json_dumps(object, JSON_COMPACT);

	json_decref(object);
	if (text != NULL) {
		buf_text(&client->out, text);
		buf_byte(&client->out, '\n');
	}
	free(text);
	client->last = client->last || last;
	send_out(client);
}

/* The socket of a client that was told nothing has room for a line. */
void console_hand(
	struct console_client *client, json_t *object, const int *fds, size_t fd_count)
{
	char *text = json_dumps(object, JSON_COMPACT);
	char *line = mem_printf("%s\n", text == NULL ? "{}" : text);

	json_decref(object);
	sock_send(client->fd, line, strlen(line), fds, fd_count);
	free(line);
	free(text);
	drop(client);
}

void console_refuse(struct console_client *client, int status, const char *format, ...)
{
	va_list arguments;
	char text[512];

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	console_say(client, json_pack("{s:s, s:i}", "error", text, "status", status), true);
}

static void accept_clients(struct console *console, int64_t now_ms)
{
	for (int i = 0; i < CONSOLE_CLIENTS; i++) {
		struct console_client *client = &console->clients[i];
		int fd;

		if (client->fd >= 0)
			continue;
		fd = sock_accept(console->listener);
		if (fd < 0)
			return;
		*client = (struct console_client){
			.fd = fd, .id = ++console->ids, .deadline = now_ms + CONSOLE_ASK_MS};
	}
}

static void take_request(
	struct console_client *client, size_t length, console_answer *answer, void *owner)
{
	json_t *request = json_loadb((const char *)client->in.data, length, 0, NULL);

	client->deadline = -1;
	if (json_is_object(request) && json_is_string(json_object_get(request, "command")))
		answer(owner, request, client);
	else
		console_refuse(client, STATUS_USAGE, "a request is a JSON object with a command");
	json_decref(request);
}

/* Once it has asked, what comes is its end. */
static void read_client(struct console_client *client, console_answer *answer, void *owner)
{
	char bytes[CONSOLE_REQUEST_MAX];
	ssize_t got = recv(client->fd, bytes, sizeof bytes, MSG_DONTWAIT);
	const uint8_t *newline;

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		drop(client);
		return;
	}
	if (client->deadline < 0)
		return;
	buf_append(&client->in, bytes, (size_t)got);
	newline = memchr(client->in.data, '\n', client->in.length);
	if (newline != NULL)
		take_request(client, (size_t)(newline - client->in.data), answer, owner);
	else if (client->in.length >= CONSOLE_REQUEST_MAX)
		drop(client);
}

void console_serve(struct console *console, const struct pollfd *polls, console_answer *answer,
	void *owner, int64_t now_ms)
{
	if (console->listener < 0)
		return;
	for (int i = 0; i < CONSOLE_CLIENTS; i++) {
		struct console_client *client = &console->clients[i];
		short events = client->fd >= 0 ? polls[i + 1].revents : 0;

		if ((events & POLLOUT) != 0)
			send_out(client);
		else if (events != 0)
			read_client(client, answer, owner);
		if (client->fd >= 0 && client->deadline >= 0 && now_ms >= client->deadline)
			drop(client);
	}
	if (polls[0].revents != 0)
		accept_clients(console, now_ms);
}
