#include "bruco/monitor/console_client.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sock.h"
#include "base/status.h"
#include "bruco/monitor/console_path.h"

/* False with errno; link->path is NULL when there is not even a folder. */
static bool open_link(struct console_link *link, const char *socket, const char *name)
{
	*link = (struct console_link){.fd = -1, .path = console_find(socket, name)};
	if (link->path == NULL)
		return false;
	link->fd = sock_connect(link->path, SOCK_STREAM);
	if (link->fd < 0)
		return false;
	fd_nonblocking(link->fd, false);
	link->lines = fdopen(link->fd, "r");
	if (link->lines == NULL)
		die_plain(STATUS_SOFTWARE, "cannot read from '%s': %s", link->path, strerror(errno));
	return true;
}

void console_connect(struct console_link *link, const char *socket, const char *name)
{
	if (open_link(link, socket, name))
		return;
	if (link->path == NULL)
		die_plain(STATUS_UNAVAILABLE, "no pipeline '%s' runs here", name);
	if (socket == NULL && (errno == ENOENT || errno == ECONNREFUSED))
		die_plain(STATUS_UNAVAILABLE, "no pipeline '%s' runs here ('%s')", name,
			link->path);
	die_plain(STATUS_UNAVAILABLE, "cannot connect to '%s': %s", link->path, strerror(errno));
}

bool console_reconnect(struct console_link *link, const char *socket, const char *name)
{
	if (open_link(link, socket, name))
		return true;
	free(link->path);
	link->path = NULL;
	return false;
}

void console_disconnect(struct console_link *link)
{
	fclose(link->lines);
	free(link->path);
	*link = (struct console_link){.fd = -1};
}

void console_gone(const struct console_link *link)
{
	die_plain(STATUS_UNAVAILABLE, "the pipeline at '%s' ended before it answered", link->path);
}

bool console_try_send(struct console_link *link, json_t *request)
{
	char *text = json_dumps(request, JSON_COMPACT);
	char *line = mem_printf("%s\n", text == NULL ? "" : text);
	ssize_t sent = send(link->fd, line, strlen(line), MSG_NOSIGNAL);

	json_decref(request);
	free(line);
	free(text);
	return sent >= 0;
}

void console_send(struct console_link *link, json_t *request)
{
	if (!console_try_send(link, request))
		die_plain(STATUS_UNAVAILABLE, "the pipeline at '%s' is gone: %s", link->path,
			strerror(errno));
}

/* An error that the console tells ends the program. */
static json_t *answer_of(const char *line, size_t length)
{
	json_t *object = json_loadb(line, length, 0, NULL);
	const char *error = json_string_value(json_object_get(object, "error"));

	if (error != NULL)
		die_plain((int)json_integer_value(json_object_get(object, "status")), "%s", error);
	return object;
}

json_t *console_receive(struct console_link *link)
{
	char *line = NULL;
	size_t room = 0;
	json_t *object = NULL;
	ssize_t length = getline(&line, &room, link->lines);

	if (length > 0)
		object = answer_of(line, (size_t)length);
	free(line);
	return object;
}

/* The console sends such an answer in one piece. */
json_t *console_receive_fds(struct console_link *link, int fds[SOCK_FDS_MAX], size_t *fd_count)
{
	struct pollfd answered = {.fd = link->fd, .events = POLLIN};
	char line[1024];
	ssize_t got;

	*fd_count = 0;
	if (fd_poll(&answered, 1, CONSOLE_ANSWER_S * 1000) <= 0)
		return NULL;
	got = sock_receive(link->fd, line, sizeof line, fds, fd_count);
	return got <= 0 ? NULL : answer_of(line, (size_t)got);
}

json_t *console_ask(const char *socket, const char *name, json_t *request, int seconds)
{
	struct console_link link;
	json_t *answer;

	console_connect(&link, socket, name);
	setsockopt(link.fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_sec = seconds},
		sizeof(struct timeval));
	console_send(&link, request);
	errno = 0;
	answer = console_receive(&link);
	if (answer == NULL && errno == EAGAIN)
		die_plain(STATUS_UNAVAILABLE, "the pipeline at '%s' has not answered for %d s",
			link.path, seconds);
	if (answer == NULL)
		console_gone(&link);
	console_disconnect(&link);
	return answer;
}
