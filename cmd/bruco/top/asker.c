#include "bruco/top/asker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/sock.h"
#include "bruco/monitor/console_path.h"

enum { READ_ROOM = 64 << 10 };

void asker_init(struct asker *asker, const char *socket, const char *name)
{
	*asker = (struct asker){.fd = -1, .path = console_find(socket, name)};
}

void asker_release(struct asker *asker)
{
	fd_close(&asker->fd);
	free(asker->path);
	buf_release(&asker->answer);
}

static enum asker_result fail(struct asker *asker, const char *why)
{
	fd_close(&asker->fd);
	snprintf(asker->why, sizeof asker->why, "%s", why);
	return ASKER_FAILED;
}

bool asker_ask(struct asker *asker, int64_t now_ms)
{
	static const char request[] = "{\"command\":\"status\"}\n";

	fd_close(&asker->fd);
	buf_reset(&asker->answer);
	asker->why[0] = '\0';
	asker->error = 0;
	asker->asked_ms = now_ms;
	errno = ENOENT;
	if (asker->path != NULL)
		asker->fd = sock_connect_at_once(asker->path, SOCK_STREAM);
	/* So short a text always finds room in a new socket. */
	if (asker->fd >= 0 &&
		send(asker->fd, request, strlen(request), MSG_NOSIGNAL) == (ssize_t)strlen(request))
		return true;
	asker->error = errno;
	fail(asker, asker->error == ENOENT || asker->error == ECONNREFUSED ? "it does not run"
									   : strerror(errno));
	return false;
}

enum asker_result asker_read(struct asker *asker)
{
	ssize_t got;

	do {
		buf_reserve(&asker->answer, READ_ROOM);
		got = recv(asker->fd, asker->answer.data + asker->answer.length, READ_ROOM,
			MSG_DONTWAIT);
		if (got > 0)
			asker->answer.length += (size_t)got;
		if (asker->answer.length > ASKER_ANSWER_MAX)
			return fail(asker, "its answer is too long");
	} while (got > 0 && asker->answer.data[asker->answer.length - 1] != '\n');
	if (got > 0) {
		fd_close(&asker->fd);
		return ASKER_ANSWERED;
	}
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return ASKER_WAITS;
	return fail(asker, got < 0 ? strerror(errno) : "it ended before it answered");
}
