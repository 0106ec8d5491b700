#include "bruco-source/kinds/nats_message.h"

#include <stdlib.h>
#include <string.h>

#include "frame/headers.h"
#include "nats/client.h"

static void add_header(struct frame_record *record, struct buf *headers, const char *name, const char *value)
{
	size_t length = value == NULL ? 0 : strlen(value);

	if (strcmp(name, NATS_KEY_HEADER) == 0 && record->key == NULL) {
		record->key = (const uint8_t *)(value == NULL ? "" : value);
		record->key_length = (int32_t)length;
		return;
	}
	headers_append_text(headers, name, value == NULL ? "" : value, length);
	record->header_count++;
}

/* False when they are damaged. */
static bool read_headers(natsMsg *message, struct frame_record *record, struct buf *headers)
{
	const char **names, **values;
	int name_count, value_count;
	natsStatus status = natsMsgHeader_Keys(message, &names, &name_count);

	if (status != NATS_OK)
		return status == NATS_NOT_FOUND;
	for (int i = 0; i < name_count; i++) {
		if (natsMsgHeader_Values(message, names[i], &values, &value_count) != NATS_OK)
			continue;
		for (int j = 0; j < value_count; j++)
			add_header(record, headers, names[i], values[j]);
		free((void *)values);
	}
	free((void *)names);
	return true;
}

const char *nats_message_record(natsMsg *message, struct frame_record *record, struct buf *headers)
{
	const char *subject = natsMsg_GetSubject(message), *reply = natsMsg_GetReply(message);
	const char *unreadable = NULL;
	size_t length = strlen(subject);

	buf_reset(headers);
	*record = (struct frame_record){.topic = subject,
		.topic_length = (uint32_t)(length < FRAME_TOPIC_MAX ? length : FRAME_TOPIC_MAX),
		.key_length = FRAME_NULL,
		.value = (const uint8_t *)natsMsg_GetData(message),
		.value_length = natsMsg_GetDataLength(message)};
	if (!read_headers(message, record, headers))
		unreadable = "message with headers that can't be read";
	else if (length > FRAME_TOPIC_MAX)
		unreadable = "message with a subject of more than 249 bytes";
	if (reply != NULL)
		add_header(record, headers, ":reply", reply);
	record->headers = headers->data;
	record->headers_length = (uint32_t)headers->length;
	return unreadable;
}
