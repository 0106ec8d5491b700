/*
 * The other end of the console: how the commands of bruco(1) ask a running pipeline.
 */
#ifndef BRUCO_MONITOR_CONSOLE_CLIENT_H
#define BRUCO_MONITOR_CONSOLE_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/sock.h"

enum { CONSOLE_ANSWER_S = 10 }; /* for an answer that takes no time */

struct console_link {
	int fd;
	char *path;
	FILE *lines; /* what the console says */
};

/* Connects to `socket`, or if that is NULL to the console of the pipeline `name`. Ends the program with 69
 * when nobody listens there. */
void console_connect(struct console_link *link, const char *socket, const char *name);

/* The same of one that ran before: false when nobody listens there any more, or takes no more clients now
 * (errno EAGAIN). */
bool console_reconnect(struct console_link *link, const char *socket, const char *name);
void console_disconnect(struct console_link *link);

/* Sends a request, and takes it over. Ends the program with 69 when the pipeline is gone. */
void console_send(struct console_link *link, json_t *request);

/* The same: false when it is gone. */
bool console_try_send(struct console_link *link, json_t *request);

/* The next line, which the caller owns; NULL: the console has closed the connection. An error ends the
 * program with the console's words and status. */
json_t *console_receive(struct console_link *link);

/* The same as the first answer, with the descriptors that came with it, which the caller owns. NULL also
 * when none comes within ten seconds. */
json_t *console_receive_fds(struct console_link *link, int fds[SOCK_FDS_MAX], size_t *fd_count);

/* Ends the program with 69: the connection was closed before an answer came. */
_Noreturn void console_gone(const struct console_link *link);

/* A whole exchange of one line each: connects, asks with this request, and returns the answer. Ends the
 * program with 69 when there is none within so many seconds; 0: it waits for as long as it takes. */
json_t *console_ask(const char *socket, const char *name, json_t *request, int seconds);

#endif
