/*
 * The thread that publishes; what is said here is of core NATS, nats_stream.c has JetStream's. NATS acknowledges no message of core NATS, but it answers in order: a PONG on the
 * connection on which a batch was published says that the server has all of it. When the connection breaks
 * before that, nobody knows how much arrived, and the whole batch is published again on the next one.
 */
#include "bruco-sink/kinds/nats.h"

#include <time.h>

enum {
	PONG_MS = 30000,
	LOOK_S = 1 /* how often to look whether the connection is still there */
};

static const char no_headers[] = "the server takes no headers";

/* ---- core NATS */

static natsStatus publish(struct nats_sink *nats, const struct frame_record *record)
{
	const char *subject = nats_subject(nats, record);
	int length = record->value_length > 0 ? record->value_length : 0;
	natsMsg *message;
	natsStatus status;

	if (record->header_count == 0 && record->key_length < 0)
		return natsConnection_Publish(nats->connection, subject, record->value, length);
	status = natsMsg_Create(&message, subject, NULL, (const char *)record->value, length);
	if (status != NATS_OK)
		return status;
	status = nats_add_headers(message, record);
	if (status == NATS_OK)
		status = natsConnection_PublishMsg(nats->connection, message);
	natsMsg_Destroy(message);
	return status;
}

/* False when the connection is of no use any more. */
static bool publish_all(struct nats_sink *nats)
{
	struct nats_batch *batch = &nats->sending;

	for (size_t i = 0; i < batch->count; i++) {
		struct nats_output *output = &batch->outputs[i];
		struct frame_record record;
		natsStatus status;

		if (output->why != NULL)
			continue; /* refused in an earlier attempt */
		frame_read_own(batch->frames.data + output->at, &record);
		status = publish(nats, &record);
		if (status == NATS_MAX_PAYLOAD)
			output->why = nats_too_large;
		else if (status == NATS_NO_SERVER_SUPPORT)
			output->why = no_headers;
		else if (status != NATS_OK)
			return false;
	}
	return true;
}

/* Whether the server has all that was published on this connection. A refusal comes before the answer. */
static bool is_answered(struct nats_sink *nats)
{
	const char *why = NULL;

	if (natsConnection_FlushTimeout(nats->connection, PONG_MS) != NATS_OK)
		return false;
	if (natsConnection_GetLastError(nats->connection, &why) != NATS_NOT_PERMITTED)
		return true;
	nats_client_refuse(&nats->client, why);
	return false;
}

/* ---- connections and batches */

/* A connection of its own for each: one that comes back by itself would not say what it has lost. */
static bool connect_anew(struct nats_sink *nats)
{
	const char *why = NULL;

	if (nats->connection != NULL) {
		natsConnection_GetLastError(nats->connection, &why);
		nats_client_lost(&nats->client, why != NULL && why[0] != '\0' ? why : "the connection was lost");
		natsConnection_Destroy(nats->connection);
	}
	nats->connection = nats_client_connect(&nats->client);
	if (nats->connection == NULL)
		return false;
	nats->connections++;
	nats->payload_max = natsConnection_GetMaxPayload(nats->connection);
	nats_client_wake(&nats->client);
	return true;
}

/* False when the connection was lost meanwhile. */
static bool wait_for_batch(struct nats_sink *nats)
{
	struct timespec until;

	pthread_mutex_lock(&nats->lock);
	while (nats->state != BATCH_GIVEN && !natsConnection_IsClosed(nats->connection)) {
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += LOOK_S;
		pthread_cond_timedwait(&nats->given, &nats->lock, &until);
	}
	pthread_mutex_unlock(&nats->lock);
	return !natsConnection_IsClosed(nats->connection);
}

/* False when the connection is of no use any more. */
static bool deliver(struct nats_sink *nats)
{
	if (nats->destination->config->stream != NULL)
		return nats_stream_deliver(nats);
	return publish_all(nats) && is_answered(nats);
}

void *nats_publish(void *argument)
{
	struct nats_sink *nats = argument;

	if (!connect_anew(nats))
		return NULL;
	for (;;) {
		while (!wait_for_batch(nats) || !deliver(nats))
			if (nats->client.refused || !connect_anew(nats))
				return NULL;
		pthread_mutex_lock(&nats->lock);
		nats->state = BATCH_DONE;
		pthread_mutex_unlock(&nats->lock);
		nats_client_wake(&nats->client);
	}
}
