/*
 * The http source. A request is a record; its answer is what the handler returned, or that the record is
 * delivered. Requests that find no room in a lane wait in a queue. What is not answered yet stands in
 * `under_way` by the record's offset, which counts requests.
 */
#ifndef BRUCO_SOURCE_KINDS_HTTP_H
#define BRUCO_SOURCE_KINDS_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "bruco-source/kinds/http_server.h"
#include "bruco-source/source.h"

struct MHD_Connection;

enum request_state {
	REQUEST_ARRIVING,
	REQUEST_QUEUED,    /* for a lane */
	REQUEST_UNDER_WAY, /* its record is in a lane */
	REQUEST_ANSWERED   /* `status` and what follows it are set */
};

struct http_request {
	struct http *http;
	struct MHD_Connection *connection;
	char *target;         /* as sent: path and query */
	bool begun;           /* its headers are read */
	bool whole;           /* and its body */
	bool suspended;
	enum request_state state;
	unsigned refused;     /* the status for a body that is thrown away as it comes; 0: it is kept */
	struct buf body;
	size_t thrown_away;   /* bytes of it */
	struct buf headers;   /* the record's */
	uint32_t header_count;
	int64_t offset;
	int64_t queued_ms;    /* since when it waits for a lane */
	size_t held;          /* bytes that count in http->held */
	unsigned status;
	const char *why;      /* the answer's body when the answer is Bruco's own; static storage */
	struct buf output;    /* else this is, */
	struct buf output_headers; /* with these of the record */
	uint32_t output_header_count;
	bool has_output;
	struct http_request *next; /* in the queue */
};

struct http {
	struct source *source;
	struct http_server *server;
	struct partition partition;
	struct http_request *under_way[TRACKER_SPAN_MAX]; /* by offset, modulo */
	int64_t next_offset;
	struct http_request *queue, **queue_end;
	uint64_t unanswered; /* requests that are whole, and whose answer is not written */
	size_t held;         /* bytes of bodies and answers in memory */
	int64_t drained_ms;  /* since when only answers are left to write; 0: not yet */
};

/* ---- for the server */

/* The headers of a request have come: false when it is answered at once (`status`, `why`), whatever its
 * body is. `length`: of the body, -1 if that is not known. */
bool http_begin(struct http_request *request, const char *method, int64_t length);

/* A part of the body. */
void http_body(struct http_request *request, const void *data, size_t length);

/* It is whole. It may be answered when this returns. */
void http_whole(struct http_request *request);

/* Its answer is written, or its client has left. */
void http_over(struct http_request *request);

#endif
