#include "protocol.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "bruco-sink/lane.h"
#include "bruco-sink/succession.h"
#include "bruco-sink/tickets.h"
#include "unit.h"

static struct sink sink;

static enum put_result put(void *state, const struct frame_record *record, uint64_t ticket)
{
	(void)state;
	return broker_put(record, ticket) ? PUT_UNDER_WAY : PUT_FULL;
}

static enum put_result put_letter(void *state, const struct frame_record *record, uint64_t ticket)
{
	(void)state;
	return broker_put_letter(record, ticket) ? PUT_UNDER_WAY : PUT_FULL;
}

static const struct sink_kind kind = {.name = "test", .put = put};
static const struct sink_kind letter_kind = {.name = "letters", .put = put_letter};

/* The source asks for no answers. */
void sink_read_link(struct sink *linked)
{
	(void)linked;
}

void sink_fail(struct sink *failed, int status)
{
	(void)failed;
	unit_fail(__FILE__, __LINE__, "the sink fails with %d", status);
}

void sink_make(unsigned lanes, int link)
{
	static struct config config;

	config_init(&config);
	config.processor.on_failure = FAILURE_DEAD_LETTER;
	log_set_level(LEVEL_ERROR);
	sink = (struct sink){.config = &config,
		.out = {.sink = &sink, .kind = &kind, .ready = true},
		.dead_letter = {.sink = &sink, .kind = &letter_kind, .ready = true},
		.stage.control = -1,
		.link = link,
		.answers = -1,
		.cap = 1 << 20,
		.lane_count = lanes,
		.page = page_map(-1)};
	sink.lanes = mem_array(lanes, sizeof *sink.lanes);
	for (unsigned i = 0; i < lanes; i++)
		lane_init(&sink.lanes[i], sink.cap, true);
	sink.stage.control = 0; /* as under the driver: the end of a pipe is not the end of a stream */
}

void sink_lane(const struct message *message, int write_fd, int read_fd)
{
	succession_add(&sink.lanes[message->lane], message, write_fd, read_fd);
}

void sink_lane_step(unsigned lane)
{
	sink.link_full = false;
	/* Half the time the death is looked at before the pipe is: it may hold more than one read.
	 */
	if (rand() % 2 == 0 || lane_work(&sink, lane))
		succession_work(&sink, lane);
	if (sink.lanes[lane].state == LANE_BROKEN)
		unit_fail(__FILE__, __LINE__, "lane %u is broken: %s", lane,
			sink.lanes[lane].intake.why);
}

void sink_acknowledge(void)
{
	for (unsigned i = 0; i < sink.lane_count; i++) {
		struct ack ack = {.lane = i, .seq = deliveries_acked(&sink.lanes[i].deliveries)};

		if (ack.seq > sink.lanes[i].acknowledged &&
			message_send_acks(sink.link, &ack, 1) == 0)
			sink.lanes[i].acknowledged = ack.seq;
	}
}

void sink_put_delivered(uint64_t ticket)
{
	ticket_delivered(&sink, ticket);
}
