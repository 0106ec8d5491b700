/*
 * The http source's server, on libmicrohttpd: listens, reads requests, writes answers, and lets go of
 * clients that are late.
 */
#ifndef BRUCO_SOURCE_KINDS_HTTP_SERVER_H
#define BRUCO_SOURCE_KINDS_HTTP_SERVER_H

#include <stdint.h>

#include "config/config.h"

struct http;
struct http_request;
struct http_server;

/* Listens. Ends the program when that can't succeed. */
struct http_server *http_server_open(struct http *http, const struct source_config *config);

/* Readable when http_server_work has something to do. */
int http_server_fd(const struct http_server *server);
int http_server_timeout(const struct http_server *server, int64_t now); /* ms, -1: none */
void http_server_work(struct http_server *server, int64_t now);

/* Holds the answer of a request that is whole back until http_server_answer. */
void http_server_suspend(struct http_request *request);

/* The request is answered: its state says so. */
void http_server_answer(struct http_request *request);

/* Ends the connection of a request that goes on and on. */
void http_server_end(struct http_request *request);

/* No new connections any more. */
void http_server_refuse(struct http_server *server);

/* Nothing may be suspended. Writes what can be written at once. */
void http_server_close(struct http_server *server);

#endif
