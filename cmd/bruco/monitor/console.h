/*
 * The console: a Unix socket on which the driver answers `bruco status` and the other commands. A client
 * sends one line, a JSON object with a member "command", and gets one line, or for some commands more,
 * each a JSON object; then the console closes the connection. An answer that could not be given is an
 * object with "error" and "status", the exit status for the client.
 *
 * Never blocks: a client that does not read is dropped when its answers pass CONSOLE_BACKLOG_MAX, and one
 * that asks nothing after CONSOLE_ASK_MS.
 */
#ifndef BRUCO_MONITOR_CONSOLE_H
#define BRUCO_MONITOR_CONSOLE_H

#include <jansson.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

enum {
	CONSOLE_CLIENTS = 16,
	CONSOLE_POLLS = CONSOLE_CLIENTS + 1,
	CONSOLE_REQUEST_MAX = 4096,
	CONSOLE_BACKLOG_MAX = 16 << 20,
	CONSOLE_ASK_MS = 5000
};

struct console_client {
	int fd; /* -1: the place is free */
	uint64_t id;
	struct buf in, out;
	int64_t deadline; /* ms, of its request; -1: it has asked */
	bool last;        /* nothing more will be said: close when `out` is sent */
};

struct console {
	int listener; /* -1: there is no console */
	char *path;
	uint64_t ids;
	struct console_client clients[CONSOLE_CLIENTS];
};

/* Answers a request at once or later, with console_say. */
typedef void console_answer(void *owner, const json_t *request, struct console_client *client);

/* Listens for the pipeline `name`. False with *why, a text that the caller frees: there is no console, which
 * hinders nothing. */
bool console_open(struct console *console, const char *name, char **why);
void console_close(struct console *console);

/* Fills CONSOLE_POLLS entries. */
void console_poll(const struct console *console, struct pollfd *polls);
void console_serve(struct console *console, const struct pollfd *polls, console_answer *answer,
	void *owner, int64_t now_ms);
int64_t console_deadline(const struct console *console); /* ms; -1: none */

/* Sends a line; `last`: and closes. Takes over the object. */
void console_say(struct console_client *client, json_t *object, bool last);
/* The same with descriptors, and closes; *fds stay the caller's. The client has been told nothing yet. */
void console_hand(
	struct console_client *client, json_t *object, const int *fds, size_t fd_count);
/* The same with an error. */
void console_refuse(struct console_client *client, int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The client of this id, or NULL when it is gone. */
struct console_client *console_client(struct console *console, uint64_t id);

#endif
