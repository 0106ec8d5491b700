#include "bruco-sink/tickets.h"

#include <string.h>

#include "base/mem.h"

enum { TOPICS_MAX = 1024 };

/* A name of its own for each topic that inputs come from. They are few, unless a worker makes them up: NULL
 * then, as if it were not known. */
static const char *topic_name(struct sink *sink, const char *name, uint32_t length)
{
	for (size_t i = sink->topic_count; i > 0; i--)
		if (strlen(sink->topics[i - 1]) == length &&
			memcmp(sink->topics[i - 1], name, length) == 0)
			return sink->topics[i - 1];
	if (sink->topic_count == TOPICS_MAX)
		return NULL;
	sink->topics = mem_grow(sink->topics, sink->topic_count + 1, sizeof *sink->topics);
	return sink->topics[sink->topic_count++] = mem_text_n(name, length);
}

uint64_t ticket_new(struct sink *sink, unsigned index, const struct frame_record *record)
{
	struct receive_lane *lane = &sink->lanes[index];
	uint64_t number = lane->base + (record->head.seq - lane->input.first) + 1;
	struct frame_place place;

	if (frame_place(record, &place))
		deliveries_set_origin(&lane->deliveries, number,
			(struct origin){topic_name(sink, place.topic, place.topic_length),
				place.offset, place.partition});
	return ticket_make(index, number, lane->outputs);
}

struct origin ticket_origin(struct sink *sink, uint64_t ticket)
{
	return deliveries_origin(&sink->lanes[ticket_lane(ticket)].deliveries,
		ticket_number(sink, ticket));
}

void ticket_settled(struct sink *sink, uint64_t ticket)
{
	struct receive_lane *lane = &sink->lanes[ticket_lane(ticket)];

	deliveries_done(&lane->deliveries, ticket_number(sink, ticket));
	page_set(sink->page, COUNT_UNDER_WAY, --sink->under_way);
}

void ticket_delivered(struct sink *sink, uint64_t ticket)
{
	ticket_settled(sink, ticket);
	page_count(sink->page, COUNT_RECORDS_OUT, 1);
}
