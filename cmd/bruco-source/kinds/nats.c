/* The nats kind; see nats.h. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/run_name.h"
#include "base/status.h"
#include "bruco-source/kinds/nats.h"
#include "bruco-source/kinds/nats_message.h"

enum {
	MESSAGE_AROUND = 512, /* bytes that a message takes beside its payload, at most */
	BUDGET = 4096,        /* messages a turn */
	LOOK_MS = 1000        /* how often to look for what was dropped */
};

static int64_t now_epoch_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- libnats's threads */

void nats_on_message(natsConnection *connection, natsSubscription *subscription, natsMsg *message, void *closure)
{
	struct nats_source *nats = closure;
	struct queue *queue;

	(void)connection;
	(void)subscription;
	pthread_mutex_lock(&nats->lock);
	while (nats->waiting->count == QUEUE_COUNT ||
		(nats->waiting->bytes >= QUEUE_BYTES && nats->stream == NULL))
		pthread_cond_wait(&nats->room, &nats->lock);
	queue = nats->waiting;
	queue->items[queue->count++] = message;
	queue->bytes += (size_t)natsMsg_GetDataLength(message);
	if (queue->count == 1)
		nats_client_wake(&nats->client);
	pthread_mutex_unlock(&nats->lock);
}

/* After the last message, or when the connection is closed for good. */
static void on_complete(void *closure)
{
	struct nats_source *nats = closure;

	pthread_mutex_lock(&nats->lock);
	nats->complete = true;
	pthread_mutex_unlock(&nats->lock);
	nats_client_wake(&nats->client);
}

static void on_error(natsConnection *connection, natsSubscription *subscription, natsStatus error, void *closure)
{
	struct nats_source *nats = closure;
	const char *why = NULL;

	(void)subscription;
	if (error == NATS_NOT_PERMITTED) {
		natsConnection_GetLastError(connection, &why);
		nats_client_refuse(&nats->client, why != NULL && why[0] != '\0' ? why : natsStatus_GetText(error));
	}
	nats_client_wake(&nats->client); /* something may have been dropped */
}

/* ---- the thread that connects */

static natsStatus subscribe(struct nats_source *nats, natsConnection *connection)
{
	const struct source_config *config = &nats->source->config->source;
	int half = (int)(config->pending / 2);
	natsStatus status;

	if (config->queue_group != NULL)
		status = natsConnection_QueueSubscribe(&nats->subscription, connection, config->subject,
			config->queue_group, nats_on_message, nats);
	else
		status = natsConnection_Subscribe(
			&nats->subscription, connection, config->subject, nats_on_message, nats);
	if (status == NATS_OK)
		status = natsSubscription_SetOnCompleteCB(nats->subscription, on_complete, nats);
	if (status == NATS_OK)
		status = natsSubscription_SetPendingLimits(nats->subscription, half / MESSAGE_AROUND, half);
	if (status == NATS_OK && nats->source->limit > 0 && nats->source->limit <= INT32_MAX)
		status = natsSubscription_AutoUnsubscribe(nats->subscription, (int)nats->source->limit);
	return status;
}

/* Under the lock until the subscription is made, so that no message comes before its limits are set, and a
 * drain finds it or prevents it. */
static bool begin(struct nats_source *nats, natsConnection *connection)
{
	natsStatus status = NATS_OK;
	bool stopping;

	pthread_mutex_lock(&nats->lock);
	stopping = nats->stopping;
	if (!stopping)
		status = subscribe(nats, connection);
	pthread_mutex_unlock(&nats->lock);
	if (status != NATS_OK)
		die(STATUS_SOFTWARE, "cannot subscribe to '%s': %s", nats->source->config->source.subject,
			nats_error_text(status));
	return !stopping;
}

static void *connect_and_subscribe(void *argument)
{
	struct nats_source *nats = argument;
	natsConnection *connection = nats_client_connect(&nats->client);

	if (connection == NULL)
		return NULL;
	if (nats->stream != NULL)
		nats_stream_subscribe(nats, connection);
	else if (!begin(nats, connection))
		return NULL;
	/* When it has answered, it knows of the subscription, or has refused it. */
	while (natsConnection_FlushTimeout(connection, LOOK_MS) != NATS_OK && !natsConnection_IsClosed(connection))
		nats_Sleep(LOOK_MS / 10);
	if (natsConnection_GetLastError(connection, &(const char *){NULL}) == NATS_NOT_PERMITTED)
		return NULL; /* on_error says so */
	pthread_mutex_lock(&nats->lock);
	nats->subscribed = true;
	pthread_mutex_unlock(&nats->lock);
	nats_client_wake(&nats->client);
	return NULL;
}

/* ---- messages to lanes */

/* Whether there is one at the front of `taken`. */
static bool refill(struct nats_source *nats)
{
	struct queue *empty = nats->taken;

	if (empty->next < empty->count)
		return true;
	empty->count = empty->next = empty->bytes = 0;
	pthread_mutex_lock(&nats->lock);
	nats->taken = nats->waiting;
	nats->waiting = empty;
	pthread_cond_signal(&nats->room);
	pthread_mutex_unlock(&nats->lock);
	return nats->taken->count > 0;
}

/* What a subject's messages have in common they have instead of a partition. */
static unsigned lane_of(const struct nats_source *nats, const struct frame_record *record)
{
	const struct lanes *lanes = &nats->source->lanes;
	uint64_t mix = hash_more(HASH_START, record->topic, record->topic_length);

	return lanes_choose(lanes, (unsigned)((mix ^ mix >> 32) % lanes->count), record);
}

static enum dispatch_result dispatch(struct nats_source *nats, natsMsg *message)
{
	struct frame_record record;
	const char *unreadable = nats_message_record(message, &record, &nats->headers);
	struct passage passage = {.partition = &nats->partition,
		.record = &record,
		.at_once = !source_taking(nats->source)};

	enum dispatch_result result;

	record.offset = nats->next_offset;
	record.timestamp = now_epoch_ms();
	record.system = run_name();
	record.system_length = RUN_NAME_LENGTH;
	if (nats->stream != NULL && !nats_stream_record(nats, message, &record))
		return DISPATCH_OK; /* sent again, while it is under way */
	passage.lane = nats->full_lane = lane_of(nats, &record);
	/* It may be done before the call is over: by hand, when it is written. */
	if (nats->stream != NULL)
		nats_stream_remember(nats, message, record.offset);
	result = source_dispatch(nats->source, &passage, unreadable);
	if (result == DISPATCH_OK)
		nats->next_offset = record.offset + 1;
	else if (nats->stream != NULL)
		nats_stream_forget(nats, record.offset);
	return result;
}

static void dispatch_all(struct nats_source *nats)
{
	int budget = BUDGET;

	while (nats->source->limit != 0 && refill(nats) && budget-- > 0) {
		natsMsg *message = nats->taken->items[nats->taken->next];
		enum dispatch_result result = dispatch(nats, message);

		nats->full = result == DISPATCH_FULL;
		if (nats->full)
			return;
		nats->taken->next++;
		natsMsg_Destroy(message);
		if (result == DISPATCH_FAILED)
			return;
	}
	nats->more = budget < 0;
}

/* Messages that were taken from the server and are in no lane. */
static uint64_t count_waiting(struct nats_source *nats)
{
	uint64_t count = nats->taken->count - nats->taken->next;
	int pending = 0;

	pthread_mutex_lock(&nats->lock);
	count += nats->waiting->count;
	if (nats->subscription != NULL && !nats->complete)
		natsSubscription_GetPending(nats->subscription, &pending, NULL);
	pthread_mutex_unlock(&nats->lock);
	return nats->source->limit == 0 ? 0 : count + (uint64_t)pending;
}

/* ---- what the server and libnats say */

static void refused(struct nats_source *nats)
{
	if (!nats->source->stage.ready)
		die(STATUS_REFUSED, "the NATS server at %.200s: %s", nats->client.servers, nats->client.why);
	if (nats->source->status != STATUS_REFUSED)
		log_error("the NATS server at %.200s: %s", nats->client.servers, nats->client.why);
	source_drain(nats->source, STATUS_REFUSED);
}

static void look_for_drops(struct nats_source *nats, int64_t now)
{
	int64_t dropped = 0;

	if (nats->subscription == NULL || nats->stream != NULL || nats->complete || now < nats->looked_ms + LOOK_MS)
		return;
	nats->looked_ms = now;
	if (natsSubscription_GetDropped(nats->subscription, &dropped) != NATS_OK || dropped <= nats->dropped)
		return;
	if (!reminder_due(&nats->drops, now))
		return;
	log_warning("%lld messages were dropped, %lld in all: they come faster than they are processed (slow "
		    "consumer, source.pending)",
		(long long)(dropped - nats->dropped), (long long)dropped);
	nats->dropped = dropped;
}

/* Asks the server for nothing more; what it has sent is still to be processed. */
static void begin_drain(struct nats_source *nats)
{
	bool first;

	if (nats->stream != NULL) {
		nats_stream_give_back(nats);
		return;
	}
	pthread_mutex_lock(&nats->lock);
	first = !nats->stopping;
	nats->stopping = true;
	if (first && (nats->subscription == NULL ||
			     (!nats->complete && natsSubscription_DrainTimeout(nats->subscription, 0) != NATS_OK)))
		nats->complete = true;
	pthread_mutex_unlock(&nats->lock);
}

static void say_ready(struct nats_source *nats)
{
	bool subscribed;

	if (nats->source->stage.ready)
		return;
	pthread_mutex_lock(&nats->lock);
	subscribed = nats->subscribed;
	pthread_mutex_unlock(&nats->lock);
	if (!subscribed)
		return;
	if (nats->stream == NULL)
		log_info("subscribed to '%s' at most once: what is under way is lost when Bruco or the server is killed",
		nats->source->config->source.subject);
	stage_ready(&nats->source->stage);
}

/* ---- the kind */

static void *nats_open(struct source *source)
{
	struct nats_source *nats = mem_alloc(sizeof *nats);
	pthread_t thread;

	if (source->stop_at_end)
		die(STATUS_USAGE, "a subject has no end: -e is not for kind nats");
	nats->source = source;
	nats->waiting = mem_alloc(sizeof *nats->waiting);
	nats->taken = mem_alloc(sizeof *nats->taken);
	nats->partition.topic = mem_text(source->config->source.subject);
	nats->partition.topic_length = (uint32_t)strlen(nats->partition.topic);
	nats->shown = -1;
	if (source->config->source.stream != NULL)
		nats_stream_open(nats);
	tracker_begin(&nats->partition.tracker);
	pthread_mutex_init(&nats->lock, NULL);
	pthread_cond_init(&nats->room, NULL);
	nats_client_init(&nats->client, &source->config->source.nats, true);
	natsOptions_SetErrorHandler(nats->client.options, on_error, nats);
	if (pthread_create(&thread, NULL, connect_and_subscribe, nats) != 0)
		die(STATUS_TEMPFAIL, "cannot start a thread");
	pthread_detach(thread);
	return nats;
}

static int nats_descriptor(void *state)
{
	return ((struct nats_source *)state)->client.event_fd;
}

static int nats_timeout(void *state)
{
	const struct nats_source *nats = state;

	return nats->more ? 0 : LOOK_MS / 4;
}

static void nats_work(void *state)
{
	struct nats_source *nats = state;
	struct source *source = nats->source;
	const struct lanes *lanes = &source->lanes;
	bool taking;

	if (nats_client_work(&nats->client, source->config->max_wait_ms) == STATUS_REFUSED)
		refused(nats);
	say_ready(nats);
	look_for_drops(nats, lanes->turn_ms);
	if (nats->stream != NULL)
		nats_stream_put_off(nats, lanes->turn_ms);
	taking = source_taking(source);
	if (!taking)
		begin_drain(nats);
	nats->more = false;
	if (taking && source_is_paused(source, nats->partition.topic, 0))
		return;
	if (!nats->full || (lanes_relaxed(lanes, nats->full_lane) && lanes_span_relaxed(&nats->partition)) || !taking)
		dispatch_all(nats);
	if (!source_taking(source))
		source->lanes.aside = count_waiting(nats);
}

/* Whether nothing more can come. */
static bool nats_settled(void *state)
{
	struct nats_source *nats = state;
	bool complete;

	pthread_mutex_lock(&nats->lock);
	complete = nats->complete;
	pthread_mutex_unlock(&nats->lock);
	return nats->source->sink_ended || (complete && count_waiting(nats) == 0);
}

static void nats_show(void *state, struct board *board)
{
	struct nats_source *nats = state;
	const struct tracker *tracker = &nats->partition.tracker;
	struct board_partition *row = board_add(board, nats->partition.topic, 0);
	int64_t now = clock_ms();

	row->lane = BOARD_LANES;
	row->committed = tracker_frontier(tracker);
	row->position = nats->next_offset;
	row->end = nats->next_offset + (int64_t)count_waiting(nats);
	row->in_flight = tracker->next - tracker->first;
	row->newest_ms = -1;
	if (row->committed != nats->shown || row->in_flight == 0)
		nats->moved_ms = now;
	nats->shown = row->committed;
	row->moved_ms = nats->moved_ms;
	row->flags = (uint16_t)((nats->full ? BOARD_FULL : 0) |
				(row->end == row->position ? BOARD_AT_END : 0) |
				(source_is_paused(nats->source, nats->partition.topic, 0) ? BOARD_PAUSED : 0));
}

/* Nobody sends again what is not done. */
static void nats_close(void *state)
{
	struct nats_source *nats = state;
	uint64_t lost = nats->source->lanes.in_flight + count_waiting(nats);

	if (nats->stream != NULL)
		nats_stream_flush(nats);
	else if (lost > 0)
		log_warning("%llu messages that were taken are lost: core NATS delivers at most once",
			(unsigned long long)lost);
}

const struct source_kind kind_nats = {.name = "nats",
	.open = nats_open,
	.descriptor = nats_descriptor,
	.timeout = nats_timeout,
	.work = nats_work,
	.settled = nats_settled,
	.show = nats_show,
	.close = nats_close};
