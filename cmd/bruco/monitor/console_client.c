#include "bruco/monitor/console_client.h"

#include <errno.h>
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

enum { ANSWER_S = 10 };

void console_connect(struct console_link *link, const char *socket, const char *name)
{
	char *folder = NULL;

	*link = (struct console_link){.fd = -1};
	if (socket != NULL) {
		link->path = mem_text(socket);
	} else {
		folder = console_folder(false);
		link->path = folder == NULL ? NULL : console_path(folder, name, 1);
		if (link->path == NULL)
			die_plain(STATUS_UNAVAILABLE, "no pipeline '%s' runs here", name);
	}
	link->fd = sock_connect(link->path, SOCK_STREAM);
	if (link->fd < 0 && socket == NULL && (errno == ENOENT || errno == ECONNREFUSED))
		die_plain(STATUS_UNAVAILABLE, "no pipeline '%s' runs here ('%s')", name,
			link->path);
	if (link->fd < 0)
		die_plain(STATUS_UNAVAILABLE, "cannot connect to '%s': %s", link->path,
			strerror(errno));
	fd_nonblocking(link->fd, false);
	link->lines = fdopen(link->fd, "r");
	if (link->lines == NULL)
		die_plain(STATUS_SOFTWARE, "cannot read from '%s': %s", link->path, strerror(errno));
	free(folder);
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

void console_send(struct console_link *link, json_t *request)
{
	char *text = json_dumps(request, JSON_COMPACT);
	char *line = mem_printf("%s\n", text == NULL ? "" : text);

	json_decref(request);
	if (send(link->fd, line, strlen(line), MSG_NOSIGNAL) < 0)
		die_plain(STATUS_UNAVAILABLE, "the pipeline at '%s' is gone: %s", link->path,
			strerror(errno));
	free(line);
	free(text);
}

json_t *console_receive(struct console_link *link)
{
	char *line = NULL;
	size_t room = 0;
	json_t *object;
	const char *error;

	if (getline(&line, &room, link->lines) <= 0) {
		free(line);
		return NULL;
	}
	object = json_loads(line, 0, NULL);
	free(line);
	error = json_string_value(json_object_get(object, "error"));
	if (error != NULL)
		die_plain((int)json_integer_value(json_object_get(object, "status")), "%s", error);
	return object;
}

json_t *console_ask(const char *socket, const char *name, json_t *request)
{
	struct console_link link;
	json_t *answer;

	console_connect(&link, socket, name);
	setsockopt(link.fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_sec = ANSWER_S},
		sizeof(struct timeval));
	console_send(&link, request);
	errno = 0;
	answer = console_receive(&link);
	if (answer == NULL && errno == EAGAIN)
		die_plain(STATUS_UNAVAILABLE, "the pipeline at '%s' has not answered for %d s",
			link.path, ANSWER_S);
	if (answer == NULL)
		die_plain(STATUS_UNAVAILABLE, "the pipeline at '%s' ended before it answered",
			link.path);
	console_disconnect(&link);
	return answer;
}
