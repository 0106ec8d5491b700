#include "bruco-source/kinds/http.h"

#include <microhttpd.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/run_name.h"
#include "base/status.h"
#include "bruco-source/kinds/http_text.h"
#include "frame/limits.h"

enum {
	HELD_LEAST = 64 << 20, /* bytes of bodies and answers; or four records, if that is more */
	THROWN_AWAY_FACTOR = 4, /* a body that is too long is read, to answer it, up to so many times the limit */
	LAST_ANSWERS_MS = 2000  /* at the end, for clients that do not read their answer */
};

static void answer(struct http_request *request, unsigned status, const char *why)
{
	request->status = status;
	request->why = why;
	http_server_answer(request);
}

/* Answers that Bruco gives itself. The log says the reason, once for many. */
static void refuse(struct http_request *request, unsigned status, const char *why)
{
	log_info("http: %u for a request: %.*s", status, (int)strcspn(why, "\n"), why);
	answer(request, status, why);
}

static const char *unready(const struct http *http)
{
	if (!source_taking(http->source))
		return "stopping\n";
	if (source_is_paused(http->source, http->partition.topic, 0))
		return "paused\n";
	return NULL;
}

/* ---- memory */

static size_t held_most(const struct http *http)
{
	size_t records = 4 * (size_t)http->source->lanes.size_max;

	return records > HELD_LEAST ? records : HELD_LEAST;
}

static void hold(struct http_request *request, size_t bytes)
{
	request->held += bytes;
	request->http->held += bytes;
}

static void let_go(struct http_request *request)
{
	request->http->held -= request->held;
	request->held = 0;
}

/* ---- requests as they come */

static bool is_health(const struct http_request *request, const char *method)
{
	const char *path = request->http->source->config->source.health_path;
	size_t length = strcspn(request->target, "?");

	return (strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0) &&
	       strlen(path) == length && strncmp(path, request->target, length) == 0;
}

static void answer_health(struct http_request *request)
{
	const char *why = unready(request->http);

	answer(request, why == NULL ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, why == NULL ? "ok\n" : why);
}

bool http_begin(struct http_request *request, const char *method, int64_t length)
{
	const struct http *http = request->http;
	const char *why = unready(http);

	if (is_health(request, method))
		answer_health(request);
	else if (why != NULL)
		refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE, why);
	else if (strcmp(method, MHD_HTTP_METHOD_CONNECT) == 0 || strcmp(method, MHD_HTTP_METHOD_TRACE) == 0)
		refuse(request, MHD_HTTP_METHOD_NOT_ALLOWED, "this method is not allowed\n");
	else if (length > (int64_t)http->source->lanes.size_max)
		refuse(request, MHD_HTTP_CONTENT_TOO_LARGE, "the request is larger than maxRecordSize\n");
	else
		http_read_headers(request, method);
	return request->state != REQUEST_ANSWERED;
}

/* From now on the body is read only so that the client reads the answer. */
static void throw_away(struct http_request *request, unsigned status)
{
	request->refused = status;
	buf_release(&request->body);
	let_go(request);
}

void http_body(struct http_request *request, const void *data, size_t length)
{
	const struct http *http = request->http;
	size_t most = http->source->lanes.size_max;

	if (request->refused == 0 && request->body.length + length > most)
		throw_away(request, MHD_HTTP_CONTENT_TOO_LARGE);
	else if (request->refused == 0 && http->held + length > held_most(http))
		throw_away(request, MHD_HTTP_SERVICE_UNAVAILABLE);
	if (request->refused == 0) {
		buf_append(&request->body, data, length);
		hold(request, length);
		return;
	}
	request->thrown_away += length;
	if (request->thrown_away > THROWN_AWAY_FACTOR * most)
		http_server_end(request);
}

/* ---- requests as records */

static int64_t now_epoch_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct frame_record record_of(const struct http_request *request)
{
	const struct partition *partition = &request->http->partition;

	return (struct frame_record){.offset = request->http->next_offset,
		.timestamp = now_epoch_ms(),
		.topic = partition->topic,
		.topic_length = partition->topic_length,
		.system = run_name(),
		.system_length = RUN_NAME_LENGTH,
		.key_length = FRAME_NULL,
		.header_count = request->header_count,
		.headers_length = (uint32_t)request->headers.length,
		.headers = request->headers.data,
		.value = request->body.data,
		.value_length = (int32_t)request->body.length};
}

static bool waits_for_record(const struct http *http)
{
	return !http->source->config->source.ignore_response && http->source->lanes.acknowledged;
}

/* False: there is no room. */
static bool dispatch(struct http *http, struct http_request *request)
{
	struct frame_record record = record_of(request);
	struct passage passage = {.partition = &http->partition, .lane = LANE_ANY, .record = &record};
	bool waits = waits_for_record(http);

	/* The record may be done before the call is over: by hand, when it is written. */
	if (source_dispatch(http->source, &passage, NULL) != DISPATCH_OK)
		return false;
	request->offset = http->next_offset++;
	buf_release(&request->body);
	let_go(request);
	request->state = REQUEST_UNDER_WAY;
	if (waits)
		http->under_way[request->offset % TRACKER_SPAN_MAX] = request;
	else
		answer(request, MHD_HTTP_ACCEPTED, "");
	return true;
}

static void enqueue(struct http *http, struct http_request *request)
{
	request->state = REQUEST_QUEUED;
	request->queued_ms = clock_ms();
	request->next = NULL;
	*http->queue_end = request;
	http->queue_end = &request->next;
}

static struct http_request *dequeue(struct http *http)
{
	struct http_request *request = http->queue;

	http->queue = request->next;
	if (http->queue == NULL)
		http->queue_end = &http->queue;
	return request;
}

static const char *fault_of(const struct http *http, const struct http_request *request, unsigned *status)
{
	struct frame_record record = record_of(request);
	size_t size = frame_record_size(&record, UINT32_MAX) - record.topic_length;

	*status = MHD_HTTP_CONTENT_TOO_LARGE;
	switch (limits_check(size, record.headers, record.header_count, http->source->lanes.size_max)) {
	case LIMIT_TOO_LARGE:
		return "the request is larger than maxRecordSize\n";
	case LIMIT_TOO_MANY_HEADERS:
		*status = MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE;
		return "the request has too many headers\n";
	case LIMIT_KEPT:
		break;
	}
	return NULL;
}

void http_whole(struct http_request *request)
{
	struct http *http = request->http;
	unsigned status;
	const char *why = unready(http);

	http->unanswered++;
	request->whole = true;
	if (request->refused == MHD_HTTP_CONTENT_TOO_LARGE)
		refuse(request, request->refused, "the request is larger than maxRecordSize\n");
	else if (request->refused != 0)
		refuse(request, request->refused, "too many requests at once\n");
	else if (why != NULL)
		refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE, why);
	else if ((why = fault_of(http, request, &status)) != NULL)
		refuse(request, status, why);
	else if (http->queue != NULL || !dispatch(http, request))
		enqueue(http, request);
	if (request->state != REQUEST_ANSWERED)
		http_server_suspend(request);
}

void http_over(struct http_request *request)
{
	let_go(request);
	if (request->whole)
		request->http->unanswered--;
}

/* Those that find room now; the others wait on, for as long as they may. */
static void work_queue(struct http *http, int64_t now)
{
	int64_t patience = http->source->config->source.queue_timeout_ms;
	const char *why = unready(http);

	while (http->queue != NULL && why == NULL && dispatch(http, http->queue))
		dequeue(http);
	while (http->queue != NULL && (why != NULL || now >= http->queue->queued_ms + patience))
		refuse(dequeue(http), MHD_HTTP_SERVICE_UNAVAILABLE, why == NULL ? "all workers are busy\n" : why);
}

/* ---- records as answers */

static void http_answer(void *state, int64_t offset, const struct frame_record *record)
{
	struct http *http = state;
	struct http_request *request = http->under_way[offset % TRACKER_SPAN_MAX];

	if (request == NULL)
		return;
	if (record->head.type == FRAME_TYPE_FAILED) {
		request->status = MHD_HTTP_INTERNAL_SERVER_ERROR;
		request->why = "the handler failed\n";
		return;
	}
	if (!request->has_output) {
		request->has_output = true;
		request->output_header_count = record->header_count;
		buf_append(&request->output_headers, record->headers, record->headers_length);
	}
	if (record->value_length > 0) {
		buf_append(&request->output, record->value, (size_t)record->value_length);
		hold(request, (size_t)record->value_length);
	}
}

static void on_done(void *owner, int64_t offset)
{
	struct http *http = owner;
	struct http_request **place = &http->under_way[offset % TRACKER_SPAN_MAX];
	struct http_request *request = *place;

	if (request == NULL)
		return;
	*place = NULL;
	if (request->status == 0)
		request->status = MHD_HTTP_OK;
	http_server_answer(request);
}

/* ---- the kind */

static void *http_open(struct source *source)
{
	struct http *http = mem_alloc(sizeof *http);

	if (source->stop_at_end)
		die(STATUS_USAGE, "requests have no end: -e is not for kind http");
	*http = (struct http){.source = source,
		.partition = {.topic = mem_text("http"), .topic_length = 4, .done = on_done, .owner = http}};
	http->queue_end = &http->queue;
	tracker_begin(&http->partition.tracker);
	http->server = http_server_open(http, &source->config->source);
	stage_ready(&source->stage);
	return http;
}

static int http_descriptor(void *state)
{
	const struct http *http = state;

	return http_server_fd(http->server);
}

static int http_timeout(void *state)
{
	const struct http *http = state;
	int64_t now = clock_ms(), patience = http->source->config->source.queue_timeout_ms;
	int timeout = http_server_timeout(http->server, now);

	if (http->queue != NULL)
		timeout = clock_shorter(timeout, clock_left(http->queue->queued_ms + patience, now));
	if (http->drained_ms != 0)
		timeout = clock_shorter(timeout, clock_left(http->drained_ms + LAST_ANSWERS_MS, now));
	return timeout;
}

static void http_work(void *state)
{
	struct http *http = state;
	int64_t now = clock_ms();

	if (!source_taking(http->source))
		http_server_refuse(http->server);
	work_queue(http, now);
	http_server_work(http->server, now);
}

/* Whether all answers are written, or their time is up. */
static bool http_settled(void *state)
{
	struct http *http = state;
	int64_t now = clock_ms();

	if (http->drained_ms == 0)
		http->drained_ms = now;
	return http->unanswered == 0 || now >= http->drained_ms + LAST_ANSWERS_MS;
}

/* Records that are not done, since the sink is gone: they may have been processed, or not. */
static void http_close(void *state)
{
	struct http *http = state;

	for (size_t i = 0; i < TRACKER_SPAN_MAX; i++)
		if (http->under_way[i] != NULL)
			refuse(http->under_way[i], MHD_HTTP_SERVICE_UNAVAILABLE,
				"stopped before it was known whether this was done\n");
	while (http->queue != NULL)
		refuse(dequeue(http), MHD_HTTP_SERVICE_UNAVAILABLE, "stopping\n");
	http_server_work(http->server, clock_ms());
	http_server_close(http->server);
}

const struct source_kind kind_http = {.name = "http",
	.open = http_open,
	.descriptor = http_descriptor,
	.timeout = http_timeout,
	.work = http_work,
	.settled = http_settled,
	.answer = http_answer,
	.close = http_close};
