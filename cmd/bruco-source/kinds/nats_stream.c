/* JetStream; see nats.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "bruco-source/kinds/nats.h"

enum {
	BUCKETS = 4096,
	ACK_PENDING = 1000, /* messages that the server has sent and that are not acknowledged, at most */
	RETRY_MS = 500,
	FLUSH_MS = 2000
};

static const int64_t MS = 1000000; /* in nanoseconds */

/* A message whose record is in a lane. */
struct held_message {
	struct held_message *next;
	int64_t offset; /* its number in the stream */
	char reply[];   /* where to acknowledge it */
};

struct nats_stream {
	natsConnection *connection; /* under the source's lock until there is a subscription */
	struct held_message *held[BUCKETS]; /* by offset */
	int64_t put_off_due;
	char system[FRAME_SYSTEM_MAX + 1]; /* under the lock, too */
};


/* ---- the consumer */

static natsStatus make_consumer(const struct source_config *config, jsCtx *js)
{
	jsConsumerConfig consumer;
	jsErrCode code = 0;
	natsInbox *inbox = NULL;
	natsStatus status = natsInbox_Create(&inbox);

	jsConsumerConfig_Init(&consumer);
	consumer.Durable = config->durable;
	consumer.DeliverSubject = inbox;
	consumer.DeliverGroup = config->queue_group;
	consumer.FilterSubject = config->subject;
	consumer.AckPolicy = js_AckExplicit;
	consumer.AckWait = config->ack_wait_ms * MS;
	consumer.MaxAckPending = ACK_PENDING;
	if (status == NATS_OK)
		status = js_AddConsumer(NULL, js, config->stream, &consumer, NULL, &code);
	natsInbox_Destroy(inbox);
	return status;
}

/* A stream that is made anew counts from 1 again. A user without the permission to ask gets no answer. */
static natsStatus learn_stream(struct nats_source *nats, jsCtx *js)
{
	const char *name = nats->source->config->source.stream;
	jsStreamInfo *info = NULL;
	jsErrCode code = 0;
	natsStatus status = js_GetStreamInfo(&info, js, name, NULL, &code);

	if (status == NATS_OK)
		snprintf(nats->stream->system, sizeof nats->stream->system, "%.200s@%" PRId64, name, info->Created);
	else
		snprintf(nats->stream->system, sizeof nats->stream->system, "%.200s", name);
	jsStreamInfo_Destroy(info);
	return status == NATS_TIMEOUT ? NATS_OK : status;
}

/* Binds to a consumer that is there: one that the library had made it would delete at the end. */
static natsStatus bind_to_consumer(struct nats_source *nats, jsCtx *js)
{
	const struct source_config *config = &nats->source->config->source;
	jsConsumerInfo *info = NULL;
	jsSubOptions options;
	jsErrCode code = 0;
	natsStatus status = js_GetConsumerInfo(&info, js, config->stream, config->durable, NULL, &code);

	jsConsumerInfo_Destroy(info);
	if (status == NATS_NOT_FOUND && code != JSStreamNotFoundErr)
		status = make_consumer(config, js);
	if (status != NATS_OK)
		return status;
	jsSubOptions_Init(&options);
	options.Stream = config->stream;
	options.Consumer = config->durable;
	options.ManualAck = true;
	options.Queue = config->queue_group;
	return js_Subscribe(&nats->subscription, js, config->subject, nats_on_message, nats, NULL, &options, NULL);
}

/* The lock keeps messages back until all is set. */
static natsStatus try(struct nats_source *nats, jsCtx *js)
{
	natsStatus status = NATS_OK;

	pthread_mutex_lock(&nats->lock);
	if (!nats->stopping)
		status = learn_stream(nats, js);
	if (!nats->stopping && status == NATS_OK)
		status = bind_to_consumer(nats, js);
	if (nats->subscription != NULL)
		natsSubscription_SetPendingLimits(nats->subscription, -1, -1); /* ACK_PENDING is the limit */
	pthread_mutex_unlock(&nats->lock);
	return status;
}

void nats_stream_subscribe(struct nats_source *nats, natsConnection *connection)
{
	const struct source_config *config = &nats->source->config->source;
	natsStatus status;
	jsCtx *js = NULL;
	char *why;

	nats->stream->connection = connection;
	status = natsConnection_JetStream(&js, connection, NULL);
	if (status != NATS_OK)
		die(STATUS_SOFTWARE, "cannot use JetStream: %s", nats_error_text(status));
	while ((status = try(nats, js)) != NATS_OK) {
		why = mem_printf("consumer '%s' of stream '%s': %s", config->durable, config->stream,
			status == NATS_NO_RESPONDERS ? "JetStream is not enabled" : nats_error_text(status));
		nats_client_lacks(&nats->client, why);
		free(why);
		nats_Sleep(RETRY_MS);
	}
	nats_client_back(&nats->client);
	jsCtx_Destroy(js);
}

/* ---- messages */

static struct held_message **find(struct nats_stream *stream, int64_t offset)
{
	struct held_message **place = &stream->held[offset % BUCKETS];

	while (*place != NULL && (*place)->offset != offset)
		place = &(*place)->next;
	return place;
}

bool nats_stream_record(struct nats_source *nats, natsMsg *message, struct frame_record *record)
{
	jsMsgMetaData *about = NULL;

	if (natsMsg_GetMetaData(&about, message) != NATS_OK)
		return false; /* it is none of the stream's */
	record->offset = (int64_t)about->Sequence.Stream;
	record->timestamp = about->Timestamp / MS;
	record->system = nats->stream->system;
	record->system_length = (uint32_t)strlen(nats->stream->system);
	jsMsgMetaData_Destroy(about);
	return *find(nats->stream, record->offset) == NULL;
}

void nats_stream_remember(struct nats_source *nats, natsMsg *message, int64_t offset)
{
	const char *reply = natsMsg_GetReply(message);
	struct held_message *held = mem_alloc(sizeof *held + strlen(reply) + 1);

	strcpy(held->reply, reply);
	held->offset = offset;
	*find(nats->stream, offset) = held;
}

void nats_stream_forget(struct nats_source *nats, int64_t offset)
{
	struct held_message **place = find(nats->stream, offset), *held = *place;

	*place = held->next;
	free(held);
}

static void on_done(void *owner, int64_t offset)
{
	struct nats_source *nats = owner;
	struct held_message *held = *find(nats->stream, offset);

	if (held == NULL)
		return;
	natsConnection_PublishString(nats->stream->connection, held->reply, "+ACK");
	nats_stream_forget(nats, offset);
}

void nats_stream_open(struct nats_source *nats)
{
	nats->stream = mem_alloc(sizeof *nats->stream);
	nats->partition.done = on_done;
	nats->partition.owner = nats;
}

void nats_stream_put_off(struct nats_source *nats, int64_t now)
{
	struct nats_stream *stream = nats->stream;

	if (now < stream->put_off_due)
		return;
	stream->put_off_due = now + nats->source->config->source.ack_wait_ms / 4;
	for (size_t i = nats->taken->next; i < nats->taken->count; i++)
		natsMsg_InProgress(nats->taken->items[i], NULL);
	pthread_mutex_lock(&nats->lock);
	for (size_t i = 0; i < nats->waiting->count; i++)
		natsMsg_InProgress(nats->waiting->items[i], NULL);
	pthread_mutex_unlock(&nats->lock);
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct held_message *held = stream->held[i]; held != NULL; held = held->next)
			natsConnection_PublishString(stream->connection, held->reply, "+WPI");
}

static void give_back(struct queue *queue)
{
	for (; queue->next < queue->count; queue->next++) {
		natsMsg_Nak(queue->items[queue->next], NULL);
		natsMsg_Destroy(queue->items[queue->next]);
	}
	queue->count = queue->next = queue->bytes = 0;
}

void nats_stream_give_back(struct nats_source *nats)
{
	pthread_mutex_lock(&nats->lock);
	if (!nats->complete && nats->subscription != NULL)
		natsSubscription_Unsubscribe(nats->subscription);
	nats->stopping = nats->complete = true;
	give_back(nats->taken);
	give_back(nats->waiting);
	pthread_cond_signal(&nats->room);
	pthread_mutex_unlock(&nats->lock);
}

void nats_stream_flush(struct nats_source *nats)
{
	if (nats->stream->connection != NULL)
		natsConnection_FlushTimeout(nats->stream->connection, FLUSH_MS);
}
