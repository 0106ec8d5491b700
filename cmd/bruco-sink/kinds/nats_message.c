/* Records as messages of NATS: which can't be one, and how the others are made. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "bruco-sink/kinds/nats.h"
#include "config/subjects.h"

const char nats_too_large[] = "message is larger than the server's max_payload";

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

static bool begins(const struct frame_header *header, const char *name)
{
	return header->name_length >= strlen(name) && strncasecmp(header->name, name, strlen(name)) == 0;
}

/* Names of the source's own, as ":reply", are of no use to others. And what a message that was read told its own
 * server to do would be done with the output, too: the second output of a message with a "Nats-Msg-Id" would
 * be dropped as a duplicate of the first. */
bool nats_is_own(const struct frame_header *header)
{
	return begins(header, ":") || begins(header, NATS_ID_HEADER) || begins(header, "Nats-Expected-");
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
		if (!nats_is_own(&header))
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
		if (!nats_is_own(&header) && (!is_name(&header) || !is_value(header.value, header.value_length)))
			return "a header has a name or value that NATS can't carry";
	}
	if (nats->payload_max > 0 && message_size(record) > (size_t)nats->payload_max)
		return nats_too_large;
	return NULL;
}

/* ---- records as messages */

const char *nats_subject(struct nats_sink *nats, const struct frame_record *record)
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

natsStatus nats_add_headers(natsMsg *message, const struct frame_record *record)
{
	const uint8_t *at = record->headers;
	natsStatus status = NATS_OK;

	if (record->key_length >= 0)
		status = add_header(message, NATS_KEY_HEADER, strlen(NATS_KEY_HEADER), record->key, record->key_length);
	for (uint32_t i = 0; i < record->header_count && status == NATS_OK; i++) {
		struct frame_header header;

		frame_header_next(&at, &header);
		if (!nats_is_own(&header))
			status = add_header(message, header.name, header.name_length, header.value, header.value_length);
	}
	return status;
}
