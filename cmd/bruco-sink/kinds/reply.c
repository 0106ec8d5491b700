/* Gives outputs back to a source that answers whom the record came from. */
#include "base/log.h"
#include "base/status.h"
#include "bruco-sink/answers.h"
#include "bruco-sink/tickets.h"

static void *reply_open(struct destination *destination)
{
	struct sink *sink = destination->sink;

	if (sink->link < 0)
		die(STATUS_USAGE, "kind reply needs a link to a source that answers (--link)");
	destination_ready(destination);
	return sink;
}

static enum put_result reply_put(void *state, const struct frame_record *record, uint64_t ticket)
{
	struct sink *sink = state;

	if (answers_wanted(sink))
		answers_output(sink, ticket_lane(ticket), record);
	return PUT_DELIVERED;
}

/* sink.c writes the answers out, before it acknowledges. */
const struct sink_kind kind_reply = {.name = "reply", .open = reply_open, .put = reply_put};
