/*
 * JetStream: a message counts as delivered when the stream has said that it is stored. Up to WINDOW messages are
 * published ahead of that. A round publishes what of the batch is not stored; when the stream refuses one for now,
 * or an acknowledgement does not come, nothing more is published in that round, and another one begins a moment
 * later. So what is refused can be overtaken by those that were on their way, and by no others.
 *
 * Each message has an answer's address of its own, below one that is subscribed to: its batch, round and place in
 * the batch.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "bruco-sink/kinds/nats.h"
#include "json/publish_answer.h"

enum {
	WINDOW = 1000,
	GIVE_BACK = 128,
	ACK_MS = 5000, /* without any answer */
	TICK_MS = 250,
	PAUSE_MS = 500, /* between two rounds */
	SUBJECT_ROOM = 96,
	/* Of the server's errors (JSApiError's codes): this message will never be taken. */
	CODE_TOO_LARGE = 10054,
	CODE_HEADERS_TOO_LARGE = 10097
};

struct nats_stream {
	char inbox[SUBJECT_ROOM / 2];
	natsSubscription *subscription;
	uint64_t connection; /* of which it is, as nats->connections counts */
	uint64_t batch, round; /* of the answers that are waited for */
	size_t under_way;
	size_t told; /* nats->settled, as the loop knows it */
	bool over;   /* nothing more is published in this round */
	bool nobody; /* and nobody has heard one of its messages */
	int64_t heard; /* clock_ms: of the last answer, or of the round's beginning */
	char why[NATS_WHY_MAX]; /* not all is stored after this round; "": it is, or it will be known */
};

static const char too_large[] = "message is larger than the stream takes";

/* The address of the answers, anew for each connection. False: that is of no use already. */
static bool listen_for_answers(struct nats_sink *nats)
{
	struct nats_stream *stream = nats->stream;
	natsInbox *inbox = NULL;
	natsStatus status;
	char subject[SUBJECT_ROOM];

	if (stream->connection == nats->connections)
		return true;
	natsSubscription_Destroy(stream->subscription);
	stream->subscription = NULL;
	status = natsInbox_Create(&inbox);
	if (status == NATS_OK) {
		snprintf(stream->inbox, sizeof stream->inbox, "%s", inbox);
		snprintf(subject, sizeof subject, "%s.>", inbox);
		status = natsConnection_SubscribeSync(&stream->subscription, nats->connection, subject);
	}
	natsInbox_Destroy(inbox);
	if (status != NATS_OK)
		return false;
	natsSubscription_SetPendingLimits(stream->subscription, -1, -1); /* WINDOW is the limit */
	stream->connection = nats->connections;
	return true;
}

/* ---- publishing */

static natsStatus add_orders(
	const struct nats_sink *nats, natsMsg *message, const struct nats_output *output)
{
	natsStatus status = natsMsgHeader_Set(message, "Nats-Expected-Stream", nats->destination->config->stream);

	if (status == NATS_OK && output->identity != NO_IDENTITY)
		status = natsMsgHeader_Set(message, NATS_ID_HEADER,
			(const char *)nats->sending.identities.data + output->identity);
	return status;
}

static natsStatus publish(struct nats_sink *nats, size_t index)
{
	const struct nats_stream *stream = nats->stream;
	const struct nats_output *output = &nats->sending.outputs[index];
	struct frame_record record;
	char reply[SUBJECT_ROOM];
	natsMsg *message;
	natsStatus status;

	frame_read_own(nats->sending.frames.data + output->at, &record);
	snprintf(reply, sizeof reply, "%s.%" PRIu64 ".%" PRIu64 ".%zu", stream->inbox, stream->batch, stream->round,
		index);
	status = natsMsg_Create(&message, nats_subject(nats, &record), reply, (const char *)record.value,
		record.value_length > 0 ? record.value_length : 0);
	if (status != NATS_OK)
		return status;
	status = nats_add_headers(message, &record);
	if (status == NATS_OK)
		status = add_orders(nats, message, output);
	if (status == NATS_OK)
		status = natsConnection_PublishMsg(nats->connection, message);
	natsMsg_Destroy(message);
	return status;
}

/* ---- answers */

static void later(struct nats_stream *stream, const char *why)
{
	stream->over = true;
	if (stream->why[0] == '\0')
		snprintf(stream->why, sizeof stream->why, "%s", why);
}

static void judge(struct nats_sink *nats, struct nats_output *output, natsMsg *answer, bool is_newest)
{
	struct publish_answer read;
	char why[NATS_WHY_MAX];

	publish_answer_read(natsMsg_GetData(answer), (size_t)natsMsg_GetDataLength(answer), &read);
	if (read.stored)
		output->stored = true;
	else if (read.code == CODE_TOO_LARGE || read.code == CODE_HEADERS_TOO_LARGE)
		output->why = too_large;
	if (read.stored || output->why != NULL || !is_newest)
		return;
	snprintf(why, sizeof why, "stream '%.200s': %.250s", nats->destination->config->stream, read.why);
	later(nats->stream, why);
}

static void count_answer(struct nats_stream *stream)
{
	if (stream->under_way > 0) /* else it comes behind ACK_MS */
		stream->under_way--;
	stream->heard = clock_ms();
}

/* The first that is neither stored nor refused, from this one on. At the end of the batch: its count. */
static size_t next_of(const struct nats_batch *batch, size_t index)
{
	while (index < batch->count && (batch->outputs[index].stored || batch->outputs[index].why != NULL))
		index++;
	return index;
}

/* Gives back what is settled. The loop is woken for many of them, or when nothing is to be done here. */
static void give_back(struct nats_sink *nats, bool now)
{
	size_t settled = next_of(&nats->sending, nats->settled);

	if (settled == nats->stream->told || (!now && settled - nats->stream->told < GIVE_BACK))
		return;
	nats->settled = nats->stream->told = settled;
	nats_client_wake(&nats->client);
}

/* An answer of a round before counts if it says that the message is stored. */
static void take_answer(struct nats_sink *nats, natsMsg *answer)
{
	struct nats_stream *stream = nats->stream;
	const char *subject = natsMsg_GetSubject(answer);
	struct nats_output *output;
	uint64_t batch, round;
	size_t index;

	if (sscanf(subject + strlen(stream->inbox), ".%" SCNu64 ".%" SCNu64 ".%zu", &batch, &round, &index) != 3 ||
		batch != stream->batch || index >= nats->sending.count)
		return;
	output = &nats->sending.outputs[index];
	if (round == stream->round)
		count_answer(stream);
	if (!output->stored && output->why == NULL)
		judge(nats, output, answer, round == stream->round);
	if (index == stream->told || index % GIVE_BACK == 0)
		give_back(nats, false);
}

/* What the server says of a permission comes by itself. */
static bool is_refused(struct nats_sink *nats)
{
	const char *why = NULL;

	if (natsConnection_GetLastError(nats->connection, &why) != NATS_NOT_PERMITTED)
		return false;
	nats_client_refuse(&nats->client, why);
	return true;
}

/* False when the connection is of no use any more. */
static bool wait_for_answer(struct nats_sink *nats)
{
	struct nats_stream *stream = nats->stream;
	natsMsg *answer = NULL;
	natsStatus status = natsSubscription_NextMsg(&answer, stream->subscription, TICK_MS);

	if (status == NATS_OK) {
		take_answer(nats, answer);
		natsMsg_Destroy(answer);
		return true;
	}
	if (status == NATS_NO_RESPONDERS) { /* the library does not say to which */
		count_answer(stream);
		stream->over = stream->nobody = true;
		return true;
	}
	give_back(nats, true);
	if (status != NATS_TIMEOUT || natsConnection_IsClosed(nats->connection) || is_refused(nats))
		return false;
	if (clock_ms() - stream->heard >= ACK_MS) {
		later(stream, "no acknowledgement within 5 s");
		stream->under_way = 0;
	}
	return true;
}

/* ---- rounds */

static bool publish_next(struct nats_sink *nats, size_t index)
{
	struct nats_output *output = &nats->sending.outputs[index];
	natsStatus status = publish(nats, index);

	if (status == NATS_MAX_PAYLOAD) {
		output->why = nats_too_large;
		return true;
	}
	if (status != NATS_OK)
		return false;
	nats->stream->under_way++;
	return true;
}

/* The first that is not stored is the one, unless more than one has failed. */
static void tell_nobody(struct nats_sink *nats)
{
	const struct nats_batch *batch = &nats->sending;
	size_t first = next_of(batch, 0);
	struct frame_record record;
	char why[NATS_WHY_MAX];

	if (!nats->stream->nobody || first == batch->count)
		return;
	frame_read_own(batch->frames.data + batch->outputs[first].at, &record);
	snprintf(why, sizeof why, "no stream takes subject '%.200s', or JetStream is not enabled",
		nats_subject(nats, &record));
	later(nats->stream, why);
}

/* False when the connection is of no use any more. */
static bool run_round(struct nats_sink *nats)
{
	struct nats_stream *stream = nats->stream;
	struct nats_batch *batch = &nats->sending;
	size_t next = next_of(batch, 0);

	stream->round++;
	stream->under_way = 0;
	stream->over = stream->nobody = false;
	stream->why[0] = '\0';
	stream->heard = clock_ms();
	while ((!stream->over && next < batch->count) || stream->under_way > 0) {
		if (stream->over || next == batch->count || stream->under_way == WINDOW) {
			if (!wait_for_answer(nats))
				return false;
			continue;
		}
		if (!publish_next(nats, next))
			return false;
		next = next_of(batch, next + 1);
	}
	tell_nobody(nats);
	give_back(nats, true);
	return true;
}

bool nats_stream_deliver(struct nats_sink *nats)
{
	struct nats_stream *stream = nats->stream;
	bool lacks = false;

	if (stream == NULL)
		stream = nats->stream = mem_alloc(sizeof *stream);
	if (!listen_for_answers(nats))
		return false;
	stream->batch++;
	stream->told = nats->settled;
	while (next_of(&nats->sending, 0) < nats->sending.count) {
		if (!run_round(nats))
			return false;
		if (stream->why[0] == '\0')
			continue;
		lacks = true;
		nats_client_lacks(&nats->client, stream->why);
		nats_Sleep(PAUSE_MS);
	}
	if (lacks)
		nats_client_back(&nats->client);
	return true;
}
