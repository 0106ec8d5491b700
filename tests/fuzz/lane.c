/* A lane of the sink, which takes the frames of a worker: only outputs of events that the lane holds are put,
 * an event counts as done only when all of its outputs are, and no input makes the lane acknowledge what
 * was not read. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "bruco-sink/lane.h"
#include "bruco-sink/tickets.h"

enum { SIZE = 4096, TICKETS_MAX = 512 };

static struct config config;
static struct sink sink;
static uint64_t tickets[TICKETS_MAX];
static size_t ticket_count;
static unsigned put_count;

void sink_read_link(struct sink *linked)
{
	(void)linked;
}

void sink_fail(struct sink *failed, int status)
{
	failed->status = status;
}

static const char *refuse(void *state, const struct frame_record *record)
{
	(void)state;
	return record->value_length > 0 && record->value[0] == '!' ? "it is no good" : NULL;
}

static enum put_result put(void *state, const struct frame_record *record, uint64_t ticket)
{
	const struct receive_lane *lane = &sink.lanes[0];

	(void)state;
	HOLDS(record->head.seq >= lane->input.first && record->head.seq <= lane->input.last);
	HOLDS(record->topic_length <= FRAME_TOPIC_MAX);
	HOLDS(record->head.length <= sink.cap);
	put_count++;
	if (record->value_length > 0 && record->value[0] == '>') {
		sink.out.why = "it is too large";
		return PUT_REFUSED;
	}
	if (ticket_count == TICKETS_MAX)
		return PUT_DELIVERED;
	tickets[ticket_count++] = ticket;
	return PUT_UNDER_WAY;
}

static const struct sink_kind out = {.name = "out", .refuse = refuse, .put = put};
static const struct sink_kind letters = {.name = "letters", .put = put};

static void begin(enum on_failure choice)
{
	config.processor.on_failure = choice;
	sink.config = &config;
	sink.link = sink.answers = -1;
	sink.status = 0;
	sink.under_way = 0;
	sink.out.kind = &out;
	sink.dead_letter.kind = choice == FAILURE_DEAD_LETTER ? &letters : NULL;
	ticket_count = put_count = 0;
	lane_init(&sink.lanes[0], SIZE, true);
	sink.cap = sink.lanes[0].intake.cap;
	sink.lanes[0].state = LANE_OPEN;
}

/* Delivers what was put, in an order that follows from the number. */
static void deliver(unsigned order)
{
	struct receive_lane *lane = &sink.lanes[0];

	while (ticket_count > 0) {
		size_t i = order++ * 7 % ticket_count;
		uint64_t ticket = tickets[i], acked = deliveries_acked(&lane->deliveries);

		HOLDS(acked < ticket_number(&sink, ticket) && acked <= lane->intake.last);
		tickets[i] = tickets[--ticket_count];
		ticket_delivered(&sink, ticket);
	}
}

static void end(void)
{
	struct receive_lane *lane = &sink.lanes[0];

	HOLDS(deliveries_acked(&lane->deliveries) <= lane->intake.last);
	/* What was taken whole is done, unless the pipeline stops, or what is wrong with the rest was
	 * found on the way. */
	HOLDS(sink.status != 0 || lane->state == LANE_BROKEN ||
		deliveries_acked(&lane->deliveries) == lane->intake.last);
	buf_release(&lane->intake.buf);
	free(lane->deliveries.ring);
	for (size_t i = 0; i < sink.topic_count; i++)
		free(sink.topics[i]);
	free(sink.topics);
	sink.topics = NULL;
	sink.topic_count = 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	config_init(&config);
	log_set_fd(-1);
	sink.page = page_map(-1);
	sink.lane_count = 1;
	sink.lanes = mem_array(1, sizeof *sink.lanes);
	/* With a driver, whose socket takes nothing: messages to it are the target's business elsewhere. */
	sink.stage.control = 1000;
	return 0;
}

FUZZ(data, length)
{
	struct fuzz_input input = {data, length};
	uint8_t choice = fuzz_byte(&input), order = fuzz_byte(&input);
	uint8_t *frames = fuzz_rest(&input);

	if (choice % 4 != 0)
		fuzz_seal_frames(frames, input.length);
	begin((enum on_failure)((choice >> 2) % 3));
	buf_append(&sink.lanes[0].intake.buf, frames, input.length);
	lane_put_inputs(&sink, 0);
	HOLDS(put_count <= input.length / FRAME_HEADER);
	deliver(order);
	end();
	free(frames);
	return 0;
}
