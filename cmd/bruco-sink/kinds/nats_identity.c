/*
 * What a stream knows a message by that it has already. An input that is processed again, after a kill or a
 * lost acknowledgement, gives outputs of the same origin and number; and if they are the same, too, they are
 * dropped by the server. If they are not, because the handler looks at the clock for example, they are other
 * messages: else the second run of a handler that gives more outputs than the first would lose some.
 */
#include "base/hash.h"
#include "bruco-sink/kinds/nats.h"
#include "bruco-sink/tickets.h"

static uint64_t mix_text(uint64_t mix, const void *data, int64_t length)
{
	mix = hash_more(mix, &length, sizeof length);
	return hash_more(mix, data, length > 0 ? (size_t)length : 0);
}

/* What is published of it. */
static uint64_t content_of(const struct frame_record *record)
{
	bool routed = (record->head.flags & FRAME_ROUTED) != 0;
	uint64_t mix = mix_text(HASH_START, record->topic, routed ? record->topic_length : 0);
	const uint8_t *at = record->headers;

	mix = mix_text(mix, record->key, record->key_length);
	for (uint32_t i = 0; i < record->header_count; i++) {
		struct frame_header header;

		frame_header_next(&at, &header);
		if (nats_is_own(&header))
			continue;
		mix = mix_text(mix, header.name, header.name_length);
		mix = mix_text(mix, header.value, header.value_length);
	}
	return mix_text(mix, record->value, record->value_length);
}

/* The outputs of an event stand together, in a batch of events, too. */
static uint32_t number_of(struct nats_count *count, uint64_t seq)
{
	if (count->seq != seq)
		*count = (struct nats_count){.seq = seq};
	return count->outputs++;
}

size_t nats_identity(struct nats_sink *nats, const struct frame_record *record, uint64_t ticket, struct buf *texts)
{
	const struct sink_config *config = nats->destination->config;
	struct origin origin = ticket_origin(nats->sink, ticket);
	uint32_t number = number_of(&nats->counts[ticket_lane(ticket)], record->head.seq);
	size_t place = texts->length;

	if (config->stream == NULL || !config->deduplicate || origin.topic == NULL)
		return NO_IDENTITY;
	buf_printf(texts, "%s/%s/%d/%lld/%u/%016llx", nats->sink->config->name, origin.topic, (int)origin.partition,
		(long long)origin.offset, number, (unsigned long long)content_of(record));
	buf_byte(texts, '\0');
	return place;
}
