/*
 * The thread that publishes. NATS acknowledges no message of core NATS, but it answers in order: a PONG on the
 * connection on which a batch was published says that the server has all of it. When the connection breaks
 * before that, nobody knows how much arrived, and the whole batch is published again on the next one.
 */
#include "bruco-sink/kinds/nats.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "config/subjects.h"

enum {
	PONG_MS = 30000,
	LOOK_S = 1 /* how often to look whether the connection is still there */
};

static const char too_large[] = "message is larger than the server's max_payload";
static const char no_headers[] = "the server takes no headers";

/* ---- records that can't be messages */

static bool is_routed(const struct frame_record *record)
{
	return (record->head.flags & FRAME_ROUTED) != 0 && record->topic_length > 0;
}

static bool is_listed(const struct sink_config *config, const char *subject, size_t length)
{
	if (strlen(config->subject) == length && memcmp(config->subject, subject, length) == 0)
		return true;
	for (size_t i = 0; i < config->subjects.count; i++)
		if (subject_matches(config->subjects.items[i], subject, length))
			return true;
	return false;
}

/* Names of the source's own, as ":reply", are of no use to others. */
static bool is_own(const struct frame_header *header)
{
	return header->name_length > 0 && header->name[0] == ':';
}

static bool is_name(const struct frame_header *header)
{
	for (uint32_t i = 0; i < header->name_length; i++)
		if (header->name[i] <= ' ' || header->name[i] >= 0x7f || header->name[i] == ':')
			return false;
	return header->name_length > 0;
}

/* NATS ends a value with the line, and its clients end it with a NUL and take blanks off its ends. */
static bool is_value(const uint8_t *value, int32_t length)
{
	if (length > 0 && (value[0] == ' ' || value[0] == '\t' || value[length - 1] == ' ' || value[length - 1] == '\t'))
		return false;
	for (int32_t i = 0; i < length; i++)
		if (value[i] == '\0' || value[i] == '\r' || value[i] == '\n')
			return false;
	return true;
}

/* "NAME: VALUE" and a line break. */
static size_t line_size(size_t name_length, int32_t value_length)
{
	return name_length + 4 + (value_length > 0 ? (size_t)value_length : 0);
}

/* What counts against max_payload: the headers, with "NATS/1.0" before and an empty line behind them, and the
 * value. */
static size_t message_size(const struct frame_record *record)
{
	size_t size = record->key_length >= 0 ? line_size(strlen(NATS_KEY_HEADER), record->key_length) : 0;
	const uint8_t *at = record->headers;

	for (uint32_t i = 0; i < record->header_count; i++) {
		struct frame_header header;

		frame_header_next(&at, &header);
		if (!is_own(&header))
			size += line_size(header.name_length, header.value_length);
	}
	return (size > 0 ? size + 12 : 0) + (record->value_length > 0 ? (size_t)record->value_length : 0);
}

const char *nats_unpublishable(const struct nats_sink *nats, const struct frame_record *record)
{
	const uint8_t *at = record->headers;

	if (is_routed(record) && subject_problem(record->topic, record->topic_length, false) != NULL)
		return "topic is not a subject";
	if (is_routed(record) && !is_listed(nats->destination->config, record->topic, record->topic_length))
		return "topic is not in sink.topics";
	if (record->key_length > 0 && !is_value(record->key, record->key_length))
		return "key has a NUL byte, a line break or blanks around it, which a NATS header can't carry";
	for (uint32_t i = 0; i < record->header_count; i++) {
		struct frame_header header;

		frame_header_next(&at, &header);
		if (!is_own(&header) && (!is_name(&header) || !is_value(header.value, header.value_length)))
			return "a header has a name or value that NATS can't carry";
	}
	if (nats->payload_max > 0 && message_size(record) > (size_t)nats->payload_max)
		return too_large;
	return NULL;
}

/* ---- records as messages */

static const char *subject_of(struct nats_sink *nats, const struct frame_record *record)
{
	if (!is_routed(record))
		return nats->destination->config->subject;
	nats->subject = mem_grow(nats->subject, record->topic_length + 1, 1);
	memcpy(nats->subject, record->topic, record->topic_length);
	nats->subject[record->topic_length] = '\0';
	return nats->subject;
}

static natsStatus add_header(
	natsMsg *message, const char *name, size_t name_length, const uint8_t *value, int32_t length)
{
	size_t value_length = length > 0 ? (size_t)length : 0;
	char *copy = mem_alloc(name_length + value_length + 2);
	natsStatus status;

	memcpy(copy, name, name_length);
	memcpy(copy + name_length + 1, value, value_length);
	status = natsMsgHeader_Add(message, copy, copy + name_length + 1);
	free(copy);
	return status;
}

static natsStatus add_headers(natsMsg *message, const struct frame_record *record)
{
	const uint8_t *at = record->headers;
	natsStatus status = NATS_OK;

	if (record->key_length >= 0)
		status = add_header(message, NATS_KEY_HEADER, strlen(NATS_KEY_HEADER), record->key, record->key_length);
	for (uint32_t i = 0; i < record->header_count && status == NATS_OK; i++) {
		struct frame_header header;

		frame_header_next(&at, &header);
		if (!is_own(&header))
			status = add_header(message, header.name, header.name_length, header.value, header.value_length);
	}
	return status;
}

static natsStatus publish(struct nats_sink *nats, const struct frame_record *record)
{
	const char *subject = subject_of(nats, record);
	int length = record->value_length > 0 ? record->value_length : 0;
	natsMsg *message;
	natsStatus status;

	if (record->header_count == 0 && record->key_length < 0)
		return natsConnection_Publish(nats->connection, subject, record->value, length);
	status = natsMsg_Create(&message, subject, NULL, (const char *)record->value, length);
	if (status != NATS_OK)
		return status;
	status = add_headers(message, record);
	if (status == NATS_OK)
		status = natsConnection_PublishMsg(nats->connection, message);
	natsMsg_Destroy(message);
	return status;
}

/* ---- batches */

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
			output->why = too_large;
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

void *nats_publish(void *argument)
{
	struct nats_sink *nats = argument;

	if (!connect_anew(nats))
		return NULL;
	for (;;) {
		while (!wait_for_batch(nats) || !publish_all(nats) || !is_answered(nats))
			if (nats->client.refused || !connect_anew(nats))
				return NULL;
		pthread_mutex_lock(&nats->lock);
		nats->state = BATCH_DONE;
		pthread_mutex_unlock(&nats->lock);
		nats_client_wake(&nats->client);
	}
}
