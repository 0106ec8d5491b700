/*
 * Between requests and records: a request's headers to a record's, and an output to a response.
 */
#ifndef BRUCO_SOURCE_KINDS_HTTP_TEXT_H
#define BRUCO_SOURCE_KINDS_HTTP_TEXT_H

#include "bruco-source/kinds/http.h"

struct MHD_Response;

/* Sets the record's headers: the request's, with names in lower case, then ":method" and ":path", which
 * no client can send as headers of its own. */
void http_read_headers(struct http_request *request, const char *method);

/* The response for an answered request, and its status in request->status. The caller destroys it.
 * Takes the output's bytes over. NULL: no memory. */
struct MHD_Response *http_response(struct http_request *request);

#endif
