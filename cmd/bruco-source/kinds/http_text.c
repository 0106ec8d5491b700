#include "bruco-source/kinds/http_text.h"

#include <ctype.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "frame/headers.h"

/* ---- a request's headers */

static void add_header(struct http_request *request, const char *name, const char *value, size_t length)
{
	headers_append_text(&request->headers, name, value, length);
	request->header_count++;
}

static enum MHD_Result take_header(void *owner, enum MHD_ValueKind kind, const char *name,
	size_t name_length, const char *value, size_t value_length)
{
	char *lower = mem_text_n(name, name_length);

	(void)kind;
	for (size_t i = 0; i < name_length; i++)
		lower[i] = (char)tolower((unsigned char)lower[i]);
	add_header(owner, lower, value == NULL ? "" : value, value_length);
	free(lower);
	return MHD_YES;
}

void http_read_headers(struct http_request *request, const char *method)
{
	MHD_get_connection_values_n(request->connection, MHD_HEADER_KIND, take_header, request);
	add_header(request, ":method", method, strlen(method));
	add_header(request, ":path", request->target, strlen(request->target));
}

/* ---- an output as a response */

static bool same_bytes(const void *one, size_t one_length, const void *other, size_t other_length)
{
	return one_length == other_length && memcmp(one, other, one_length) == 0;
}

static bool same_header(const struct frame_header *one, const struct frame_header *other)
{
	return same_bytes(one->name, one->name_length, other->name, other->name_length) &&
	       one->value_length == other->value_length &&
	       (one->value_length <= 0 || memcmp(one->value, other->value, (size_t)one->value_length) == 0);
}

/* Outputs keep their input's headers unless the handler says otherwise: those are no answer. */
static bool is_requests(const struct http_request *request, const struct frame_header *header)
{
	const uint8_t *at = request->headers.data;

	for (uint32_t i = 0; i < request->header_count; i++) {
		struct frame_header sent;

		frame_header_next(&at, &sent);
		if (same_header(header, &sent))
			return true;
	}
	return false;
}

/* Those that are the server's to set (RFC 9110, 7.6.1), and those that are ours. */
static bool may_be_sent(const char *name)
{
	static const char *const ours[] = {"connection", "content-length", "date", "keep-alive",
		"proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"};

	for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
		if (strcasecmp(name, ours[i]) == 0)
			return false;
	return name[0] != ':' && strncmp(name, "bruco-", 6) != 0;
}

/* The bytes of a header value that may stand in one (RFC 9110, 5.5). */
static bool is_sendable(const char *value)
{
	for (; *value != '\0'; value++)
		if (((unsigned char)*value < ' ' && *value != '\t') || *value == 0x7f)
			return false;
	return true;
}

/* What a body is when the handler does not say it. */
static const char *guess_type(const struct buf *body)
{
	const uint8_t *data = body->data;
	size_t length = body->length;
	bool object = length >= 2 && data[0] == '{' && data[length - 1] == '}';
	bool list = length >= 2 && data[0] == '[' && data[length - 1] == ']';

	if (length > 0 && !text_utf8(data, length))
		return "application/octet-stream";
	return object || list ? "application/json" : "text/plain; charset=utf-8";
}

static char *value_of(const struct frame_header *header)
{
	return mem_text_n(
		(const char *)header->value, header->value_length < 0 ? 0 : (size_t)header->value_length);
}

/* The header ":status", which context.response sets. */
static void take_status(struct http_request *request)
{
	const uint8_t *at = request->output_headers.data;

	for (uint32_t i = 0; i < request->output_header_count; i++) {
		struct frame_header header;
		int64_t status = MHD_HTTP_INTERNAL_SERVER_ERROR;
		char *value;

		frame_header_next(&at, &header);
		if (!header_is_named(&header, ":status"))
			continue;
		value = value_of(&header);
		if (!text_integer(value, 200, 599, &status))
			log_warning("the handler's status '%.20s' is not from 200 to 599", value);
		request->status = (unsigned)status;
		free(value);
	}
}

/* Adds one header of the output. True when it says what the body is. */
static bool add_one(struct http_request *request, struct MHD_Response *response, const struct frame_header *header)
{
	char *name = mem_text_n(header->name, header->name_length);
	char *value = value_of(header);
	bool is_type = strcasecmp(name, MHD_HTTP_HEADER_CONTENT_TYPE) == 0;
	bool kept = !is_type && is_requests(request, header);
	bool added = false;

	if (header->value_length >= 0 && !kept && may_be_sent(name) && is_sendable(value))
		added = MHD_add_response_header(response, name, value) == MHD_YES;
	free(name);
	free(value);
	return added && is_type;
}

/* Whether the output begins with the headers of the request: those say nothing of the answer. */
static bool keeps_headers(const struct http_request *request)
{
	return request->output_headers.length >= request->headers.length &&
	       memcmp(request->output_headers.data, request->headers.data, request->headers.length) == 0;
}

static void add_headers(struct http_request *request, struct MHD_Response *response, const char *guess)
{
	const uint8_t *at = request->output_headers.data;
	uint32_t first = keeps_headers(request) ? request->header_count : 0;
	bool typed = false;

	for (uint32_t i = 0; i < request->output_header_count; i++) {
		struct frame_header header;

		frame_header_next(&at, &header);
		if (i >= first)
			typed = add_one(request, response, &header) || typed;
	}
	if (!typed && guess != NULL)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, guess);
}

static struct MHD_Response *own_response(const struct http_request *request)
{
	size_t length = strlen(request->why);
	struct MHD_Response *response =
		MHD_create_response_from_buffer(length, (void *)(uintptr_t)request->why, MHD_RESPMEM_PERSISTENT);

	if (response == NULL)
		return NULL;
	if (length > 0)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain; charset=utf-8");
	if (request->status == MHD_HTTP_SERVICE_UNAVAILABLE)
		MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "1");
	if (request->status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
	return response;
}

struct MHD_Response *http_response(struct http_request *request)
{
	struct buf *body = &request->output;
	const char *guess = body->length > 0 ? guess_type(body) : NULL;
	struct MHD_Response *response;

	if (request->why != NULL)
		return own_response(request);
	take_status(request);
	if (request->status == MHD_HTTP_NO_CONTENT || request->status == MHD_HTTP_NOT_MODIFIED)
		buf_reset(body); /* they have none */
	response = MHD_create_response_from_buffer(body->length, body->data, MHD_RESPMEM_MUST_FREE);
	if (response == NULL)
		return NULL;
	*body = (struct buf){0}; /* it has these bytes now */
	if (request->has_output)
		add_headers(request, response, guess);
	return response;
}
