#include "bruco/monitor/http.h"

#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"

enum { BACKLOG = 64 };

struct http_client {
	int fd;           /* -1: the place is free */
	int64_t deadline; /* ms */
	bool answered;
	bool ended; /* shut down: the library will close it */
};

struct http {
	struct MHD_Daemon *daemon;
	int epoll_fd; /* the daemon's */
	http_respond *respond;
	void *owner;
	struct http_client clients[HTTP_CLIENTS];
	bool place_freed; /* in this turn: the library listens again in the next one */
};

/* ---- clients: each has a place for as long as it is connected */

static void on_connection(void *owner, struct MHD_Connection *connection, void **context,
	enum MHD_ConnectionNotificationCode what)
{
	struct http *http = owner;
	struct http_client *client = http->clients;

	if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
		client = *context;
		client->fd = -1;
		http->place_freed = true;
		return;
	}
	while (client->fd >= 0) /* there are as many places as the library admits */
		client++;
	*client = (struct http_client){.deadline = clock_ms() + HTTP_CLIENT_MS,
		.fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd};
	*context = client;
}

/* The library reads a few bytes, and not the end that came with them (libmicrohttpd 0.9.75). */
static bool left_without_request(const struct http_client *client)
{
	struct pollfd poll_fd = {.fd = client->fd, .events = POLLRDHUP};
	int unread = 0;

	return !client->answered && poll(&poll_fd, 1, 0) == 1 &&
	       ioctl(client->fd, FIONREAD, &unread) == 0 && unread == 0;
}

/*
 * Lets go of clients that are late, since the library's own time-out begins anew with each byte, and of those
 * that have left.
 */
static void end_clients(struct http *http, int64_t now_ms)
{
	for (int i = 0; i < HTTP_CLIENTS; i++) {
		struct http_client *client = &http->clients[i];

		if (client->fd < 0 || client->ended)
			continue;
		client->ended = now_ms >= client->deadline || left_without_request(client);
		if (client->ended)
			shutdown(client->fd, SHUT_RDWR);
	}
}

/* ---- requests */

static enum MHD_Result send_answer(
	struct MHD_Connection *connection, struct http_answer *answer, bool with_methods)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
		answer->body.length, answer->body.data, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result result = MHD_NO;

	if (response == NULL)
		return MHD_NO;
	if (MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->type) &&
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close") &&
		(!with_methods ||
			MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET")))
		result = MHD_queue_response(connection, answer->status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result on_request(void *owner, struct MHD_Connection *connection, const char *path,
	const char *method, const char *version, const char *upload, size_t *upload_length,
	void **context)
{
	struct http *http = owner;
	struct http_answer answer = {.status = MHD_HTTP_NOT_FOUND, .type = "text/plain"};
	struct http_client *client =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
	bool is_get = strcmp(method, MHD_HTTP_METHOD_GET) == 0;
	enum MHD_Result result;

	(void)version;
	(void)upload;
	(void)upload_length;
	(void)context;
	client->answered = true;
	if (is_get) {
		http->respond(http->owner, path, &answer);
	} else {
		answer.status = MHD_HTTP_METHOD_NOT_ALLOWED;
		buf_text(&answer.body, "only GET\n");
	}
	result = send_answer(connection, &answer, !is_get);
	buf_release(&answer.body);
	return result;
}

/* ---- the daemon */

static int listen_at(const struct sockaddr_storage *address, socklen_t length)
{
	int fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1, error;

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
		bind(fd, (const struct sockaddr *)address, length) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

/* The daemon owns the descriptor once it has started. */
static struct MHD_Daemon *start(struct http *http, int fd)
{
	return MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request, http,
		MHD_OPTION_EXTERNAL_LOGGER, log_library, "metrics", MHD_OPTION_LISTEN_SOCKET, fd,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CLIENTS, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned)HTTP_IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_MEMORY,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, http, MHD_OPTION_END);
}

struct http *http_open(const struct sockaddr_storage *address, socklen_t length,
	http_respond *respond, void *owner)
{
	int fd = listen_at(address, length);
	struct http *http;

	if (fd < 0)
		return NULL;
	http = mem_alloc(sizeof *http);
	*http = (struct http){.respond = respond, .owner = owner};
	for (int i = 0; i < HTTP_CLIENTS; i++)
		http->clients[i].fd = -1;
	http->daemon = start(http, fd);
	if (http->daemon == NULL) {
		int error = errno;

		close(fd);
		free(http);
		errno = error;
		return NULL;
	}
	http->epoll_fd = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
	return http;
}

void http_close(struct http *http)
{
	if (http == NULL)
		return;
	MHD_stop_daemon(http->daemon);
	free(http);
}

int http_fd(const struct http *http)
{
	return http == NULL ? -1 : http->epoll_fd;
}

int64_t http_deadline(const struct http *http)
{
	MHD_UNSIGNED_LONG_LONG left;
	int64_t first = -1;

	if (http == NULL)
		return -1;
	if (http->place_freed)
		return 0;
	if (MHD_get_timeout(http->daemon, &left) == MHD_YES)
		first = clock_ms() + (int64_t)left;
	for (int i = 0; i < HTTP_CLIENTS; i++)
		if (http->clients[i].fd >= 0 && !http->clients[i].ended)
			first = clock_sooner(first, http->clients[i].deadline);
	return first;
}

void http_serve(struct http *http, int64_t now_ms)
{
	if (http == NULL)
		return;
	http->place_freed = false;
	MHD_run(http->daemon);
	end_clients(http, now_ms);
}
