#include "bruco-source/kinds/http_server.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "bruco-source/kinds/http_listen.h"
#include "bruco-source/kinds/http_text.h"

enum {
	CLIENT_MEMORY = 32 << 10, /* for the headers of a request, bytes */
	IDLE_MS = 60000,          /* a connection without a request; and one that takes no bytes of an answer */
	PEM_MAX = 1 << 20
};

/* Clients that have the same time to do something, those who began first in front. */
struct waiting_list {
	struct http_client *first, *last;
	int64_t patience_ms;
};

struct http_client {
	int fd;
	struct waiting_list *list; /* NULL: it is waited for no more */
	int64_t since;
	struct http_client *before, *behind;
	struct http_request *request; /* the one that arrives */
};

struct http_server {
	struct http *http;
	struct MHD_Daemon *daemon;
	int fd; /* the daemon's epoll instance */
	bool tls;
	bool resumed; /* the library has to look at a connection */
	struct waiting_list idle, arriving;
};

/* ---- clients that are waited for */

static void leave_list(struct http_client *client)
{
	struct waiting_list *list = client->list;

	if (list == NULL)
		return;
	*(client->before == NULL ? &list->first : &client->before->behind) = client->behind;
	*(client->behind == NULL ? &list->last : &client->behind->before) = client->before;
	client->list = NULL;
}

static void enter_list(struct http_client *client, struct waiting_list *list)
{
	leave_list(client);
	client->list = list;
	client->since = clock_ms();
	client->before = list->last;
	client->behind = NULL;
	*(list->last == NULL ? &list->first : &list->last->behind) = client;
	list->last = client;
}

static int64_t list_deadline(const struct waiting_list *list)
{
	return list->first == NULL ? -1 : list->first->since + list->patience_ms;
}

/* The library can't answer in the middle of a request; nothing has been written to this client yet. */
static void say_timeout(const struct http_server *server, const struct http_client *client)
{
	static const char text[] = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n"
				   "Content-Type: text/plain\r\nContent-Length: 34\r\n\r\n"
				   "the request did not arrive in time";

	log_info("http: a request did not arrive in time, answered 408");
	if (!server->tls)
		send(client->fd, text, sizeof text - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void end_late(struct http_server *server, struct waiting_list *list, int64_t now)
{
	while (list->first != NULL && now >= list_deadline(list)) {
		struct http_client *client = list->first;

		if (client->request != NULL && client->request->begun)
			say_timeout(server, client);
		shutdown(client->fd, SHUT_RDWR);
		leave_list(client);
	}
}

static struct http_client *client_of(struct MHD_Connection *connection)
{
	return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static void on_connection(void *owner, struct MHD_Connection *connection, void **context,
	enum MHD_ConnectionNotificationCode what)
{
	struct http_server *server = owner;
	struct http_client *client = *context;

	if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
		leave_list(client);
		free(client);
		return;
	}
	client = mem_alloc(sizeof *client);
	*client = (struct http_client){
		.fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd};
	enter_list(client, &server->arriving);
	*context = client;
}

/* ---- requests */

/* Its first line has come. */
static void *on_target(void *owner, const char *target, struct MHD_Connection *connection)
{
	struct http_server *server = owner;
	struct http_request *request = mem_alloc(sizeof *request);
	struct http_client *client = client_of(connection);

	*request = (struct http_request){
		.http = server->http, .connection = connection, .target = mem_text(target), .offset = -1};
	client->request = request;
	if (client->list == &server->idle)
		enter_list(client, &server->arriving);
	return request;
}

static enum MHD_Result respond(struct http_request *request)
{
	struct MHD_Response *response = http_response(request);
	enum MHD_Result result;

	if (response == NULL)
		return MHD_NO;
	result = MHD_queue_response(request->connection, request->status, response);
	MHD_destroy_response(response);
	return result;
}

static int64_t body_length(struct MHD_Connection *connection)
{
	const char *text =
		MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
	int64_t length;

	return text != NULL && text_integer(text, 0, INT64_MAX, &length) ? length : -1;
}

/* An answer before its end closes the connection. */
static bool has_body(struct MHD_Connection *connection)
{
	return body_length(connection) > 0 || MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
						       MHD_HTTP_HEADER_TRANSFER_ENCODING) != NULL;
}

static enum MHD_Result on_request(void *owner, struct MHD_Connection *connection, const char *path,
	const char *method, const char *version, const char *upload, size_t *upload_length,
	void **context)
{
	struct http_request *request = *context;

	(void)owner;
	(void)path;
	(void)version;
	if (request->state == REQUEST_ANSWERED) {
		leave_list(client_of(connection));
		return respond(request);
	}
	if (!request->begun) {
		request->begun = true;
		if (http_begin(request, method, body_length(connection)) || !has_body(connection))
			return MHD_YES;
		leave_list(client_of(connection));
		return respond(request);
	}
	if (*upload_length > 0) {
		http_body(request, upload, *upload_length);
		*upload_length = 0;
		return MHD_YES;
	}
	leave_list(client_of(connection));
	http_whole(request);
	return request->state == REQUEST_ANSWERED ? respond(request) : MHD_YES;
}

static void on_over(void *owner, struct MHD_Connection *connection, void **context,
	enum MHD_RequestTerminationCode why)
{
	struct http_server *server = owner;
	struct http_request *request = *context;
	struct http_client *client = client_of(connection);

	(void)why;
	if (request == NULL)
		return;
	client->request = NULL;
	enter_list(client, &server->idle);
	http_over(request);
	free(request->target);
	buf_release(&request->body);
	buf_release(&request->headers);
	buf_release(&request->output);
	buf_release(&request->output_headers);
	free(request);
	*context = NULL;
}

void http_server_suspend(struct http_request *request)
{
	request->suspended = true;
	MHD_suspend_connection(request->connection);
}

void http_server_answer(struct http_request *request)
{
	request->state = REQUEST_ANSWERED;
	if (!request->suspended)
		return;
	request->suspended = false;
	MHD_resume_connection(request->connection);
	request->http->server->resumed = true;
}

void http_server_end(struct http_request *request)
{
	shutdown(client_of(request->connection)->fd, SHUT_RDWR);
}

/* ---- the daemon */

static char *read_pem(const char *path)
{
	size_t length;
	char *text = path == NULL ? NULL : fd_read_regular(path, PEM_MAX, &length);

	if (path != NULL && text == NULL)
		die(STATUS_CONFIG, "cannot read '%s': %s", path, fd_read_why(errno));
	return text;
}

static void wipe(char *text)
{
	if (text != NULL)
		explicit_bzero(text, strlen(text));
	free(text);
}

static struct MHD_Daemon *start(struct http_server *server, const struct source_config *config, int fd)
{
	char *certificate = read_pem(config->certificate), *key = read_pem(config->certificate_key);
	struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0, certificate},
		{MHD_OPTION_HTTPS_MEM_KEY, 0, key},
		{MHD_OPTION_HTTPS_PRIORITIES, 0, "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"},
		{MHD_OPTION_END, 0, NULL}};
	struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
	struct MHD_Daemon *daemon;

	server->tls = certificate != NULL;
	daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG | (server->tls ? MHD_USE_TLS : 0), 0,
		NULL, NULL, on_request, server, MHD_OPTION_EXTERNAL_LOGGER, log_library, "http",
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, http_allow_connections(config->connections),
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_MS / 1000, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)CLIENT_MEMORY, MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,
		MHD_OPTION_NOTIFY_COMPLETED, on_over, server, MHD_OPTION_URI_LOG_CALLBACK, on_target, server,
		MHD_OPTION_ARRAY, server->tls ? tls : none, MHD_OPTION_END);
	wipe(key);
	wipe(certificate);
	return daemon;
}

struct http_server *http_server_open(struct http *http, const struct source_config *config)
{
	struct http_server *server = mem_alloc(sizeof *server);
	int fd;

	if (config->certificate != NULL && MHD_is_feature_supported(MHD_FEATURE_SSL) != MHD_YES)
		die(STATUS_CONFIG, "'certificate' asks for TLS, which libmicrohttpd %s of this build can't",
			MHD_get_version());
	fd = http_listen(config);

	*server = (struct http_server){.http = http,
		.idle = {.patience_ms = IDLE_MS},
		.arriving = {.patience_ms = config->request_timeout_ms}};
	server->daemon = start(server, config, fd);
	if (server->daemon == NULL && server->tls)
		die(STATUS_CONFIG, "cannot use the certificate '%s' with the key '%s'", config->certificate,
			config->certificate_key);
	if (server->daemon == NULL)
		die(STATUS_TEMPFAIL, "cannot start the server: %s", strerror(errno));
	server->fd = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
	log_info("listening at port %u of %s%s", config->port,
		config->listen == NULL ? "all addresses" : config->listen, server->tls ? ", with TLS" : "");
	return server;
}

int http_server_fd(const struct http_server *server)
{
	return server->fd;
}

int http_server_timeout(const struct http_server *server, int64_t now)
{
	MHD_UNSIGNED_LONG_LONG left;
	int64_t deadline = clock_sooner(list_deadline(&server->idle), list_deadline(&server->arriving));
	int timeout = deadline < 0 ? -1 : clock_left(deadline, now);

	if (server->resumed)
		return 0;
	if (MHD_get_timeout(server->daemon, &left) == MHD_YES)
		timeout = clock_shorter(timeout, left > INT32_MAX ? INT32_MAX : (int)left);
	return timeout;
}

void http_server_work(struct http_server *server, int64_t now)
{
	server->resumed = false;
	MHD_run(server->daemon);
	end_late(server, &server->arriving, now);
	end_late(server, &server->idle, now);
}

void http_server_refuse(struct http_server *server)
{
	int fd = MHD_quiesce_daemon(server->daemon);

	fd_close(&fd);
}

void http_server_close(struct http_server *server)
{
	MHD_stop_daemon(server->daemon);
	free(server);
}
