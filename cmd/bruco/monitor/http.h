/*
 * The HTTP endpoint of metrics.listen, by libmicrohttpd: GET only, one request a connection, without a
 * thread of its own. What a client does costs no more than a place among HTTP_CLIENTS for HTTP_CLIENT_MS;
 * when all places are taken the others wait in the listening socket's queue.
 */
#ifndef BRUCO_MONITOR_HTTP_H
#define BRUCO_MONITOR_HTTP_H

#include <stdint.h>
#include <sys/socket.h>

#include "base/buf.h"

enum {
	HTTP_CLIENTS = 32,
	HTTP_CLIENT_MS = 10000, /* from connect to the end of the answer */
	HTTP_IDLE_S = 5,        /* without a byte */
	HTTP_MEMORY = 16 << 10  /* bytes for a connection: request line and headers must fit */
};

struct http;

struct http_answer {
	unsigned status;
	const char *type; /* Content-Type */
	struct buf body;  /* the endpoint's, to be filled */
};

/* Fills in the answer to GET `path`, whose query is cut off. The answer is 404 as it comes. */
typedef void http_respond(void *owner, const char *path, struct http_answer *answer);

/* NULL with errno: it can't listen there. */
struct http *http_open(const struct sockaddr_storage *address, socklen_t length,
	http_respond *respond, void *owner);
void http_close(struct http *http); /* NULL is nothing, here and below */

int http_fd(const struct http *http);           /* readable when http_serve has something to do; -1: never */
int64_t http_deadline(const struct http *http); /* ms, when it has; -1: not by time */
void http_serve(struct http *http, int64_t now_ms);

#endif
