#include "bruco-sink/cut.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/status.h"
#include "bruco-sink/sink.h"

enum { OFFSETS_MAX = 256 << 20, TAKES_OF = 8 /* commits, about, of which takes_ns is the mean */ };

void cut_open(struct sink *sink)
{
	sink->cut.on = sink->config->guarantee == GUARANTEE_EXACTLY_ONCE;
	sink->cut.asked_ns = clock_ns();
}

bool cut_holds(const struct sink *sink)
{
	return sink->cut.step != CUT_NONE || sink->cut.over;
}

/* What a commit takes is a part of the interval, if it is no more than half of it: an input that comes right behind a
 * cut is committed an interval later. One that comes after a pause waits for others no longer than a commit takes. */
static int64_t soon_ms(const struct sink *sink, int64_t now_ns)
{
	int64_t interval = sink->config->sink.commit_interval_ms * 1000000LL;
	int64_t takes = sink->cut.takes_ns < interval / 2 ? sink->cut.takes_ns : interval / 2;
	int64_t next = sink->cut.asked_ns + interval - takes;

	return (next > now_ns + takes ? next : now_ns + takes) / 1000000;
}

void cut_took(struct sink *sink, uint64_t inputs, size_t bytes)
{
	struct cut *cut = &sink->cut;

	if (!cut->on)
		return;
	if (cut->inputs == 0) {
		int64_t now_ns = clock_ns();

		cut->due = soon_ms(sink, now_ns);
		cut->late = now_ns / 1000000 + sink->config->sink.commit_interval_ms;
	}
	cut->inputs += inputs;
	cut->bytes += bytes;
	if (cut->bytes >= CUT_LARGE)
		cut->due = cut->late;
	if (cut->inputs >= CUT_INPUTS_MAX || cut->bytes >= CUT_BYTES_MAX)
		cut->step = CUT_HOLDING;
}

/* Whether some input has been put in part. */
static bool any_open(const struct sink *sink)
{
	for (unsigned i = 0; i < sink->lane_count; i++)
		if (sink->lanes[i].put < sink->lanes[i].input.length)
			return true;
	return false;
}

/* Whether the source knows of all inputs that were taken. */
static bool all_told(const struct sink *sink)
{
	for (unsigned i = 0; i < sink->lane_count; i++)
		if (sink->lanes[i].acknowledged < sink->lanes[i].deliveries.last)
			return false;
	return true;
}

static bool no_workers_are_left(const struct sink *sink)
{
	for (unsigned i = 0; i < sink->lane_count; i++)
		if (sink->lanes[i].state != LANE_GONE)
			return false;
	return true;
}

static bool is_due(const struct sink *sink)
{
	const struct cut *cut = &sink->cut;

	if (cut->wanted)
		return true;
	return cut->inputs > 0 && (clock_ms() >= cut->due || sink->status != STATUS_OK || no_workers_are_left(sink));
}

static void ask(struct sink *sink)
{
	struct message message = {.type = MESSAGE_CUT};

	if (message_send(sink->link, &message, NULL, 0) == 0) {
		sink->cut.step = CUT_ASKING;
		sink->cut.asked_ns = clock_ns();
	} else if (errno == EAGAIN) {
		sink->link_full = true;
	}
}

void cut_work(struct sink *sink)
{
	struct cut *cut = &sink->cut;

	if (!cut->on || cut->over)
		return;
	if (sink->link < 0) { /* the source has ended, as it does when all is committed, or died */
		cut->over = cut->inputs > 0 || cut->step == CUT_COMMITTING;
		if (!cut->over) {
			cut->step = CUT_NONE;
			cut->wanted = false;
		}
		return;
	}
	/* A failure in the middle of an event: a part of its outputs is in the transaction. */
	if (sink->status != STATUS_OK && any_open(sink)) {
		cut->over = true;
		return;
	}
	if (cut->step == CUT_NONE && is_due(sink))
		cut->step = CUT_HOLDING;
	if (cut->step == CUT_HOLDING && !any_open(sink) && all_told(sink) && !sink->link_full)
		ask(sink);
}

int cut_timeout(const struct sink *sink)
{
	const struct cut *cut = &sink->cut;

	return cut->on && cut->step == CUT_NONE && cut->inputs > 0 ? clock_left(cut->due, clock_ms()) : -1;
}

void cut_wanted(struct sink *sink)
{
	sink->cut.wanted = true;
}

void cut_answered(struct sink *sink, int fd)
{
	struct cut *cut = &sink->cut;
	size_t length = 0;
	char *offsets = fd < 0 ? NULL : fd_read_all(fd, OFFSETS_MAX, &length);

	fd_close(&fd);
	if (cut->step != CUT_ASKING)
		die(STATUS_SOFTWARE, "the source answers a cut that nobody has made");
	/* Also what it has wanted since it was asked: it had that to say before it answered. Another cut would be
	 * of nothing, and may find that the source has ended. */
	cut->wanted = false;
	if (cut->over || sink->out.kind->commit == NULL) {
		free(offsets);
		return;
	}
	if (offsets == NULL) {
		log_warning("the source refuses a commit: %llu records of the transaction are read again",
			(unsigned long long)cut->inputs);
		cut_failed(sink);
		sink_fail(sink, STATUS_TEMPFAIL);
		return;
	}
	cut->step = CUT_COMMITTING;
	cut->commit_ns = clock_ns();
	sink->out.kind->commit(sink->out.state, offsets, length);
	free(offsets);
}

void cut_committed(struct sink *sink)
{
	struct cut *cut = &sink->cut;
	struct message message = {.type = MESSAGE_COMMITTED};
	int64_t now_ns = clock_ns();

	page_count(sink->page, COUNT_RECORDS_OUT, cut->outputs);
	page_count(sink->page, COUNT_TRANSACTIONS, 1);
	histogram_add(&sink->page->times, now_ns - cut->commit_ns);
	cut->takes_ns += (now_ns - cut->asked_ns - cut->takes_ns) / TAKES_OF;
	cut->step = CUT_NONE;
	cut->inputs = cut->bytes = cut->outputs = 0;
	/* The link holds many messages, of which the source reads one after the other; else it is dead. */
	if (sink->link >= 0 && message_send(sink->link, &message, NULL, 0) < 0 && errno != EPIPE)
		die(STATUS_TEMPFAIL, "cannot tell the source what is committed: %s", strerror(errno));
}

void cut_failed(struct sink *sink)
{
	sink->cut.over = true;
}

bool cut_is_idle(const struct sink *sink)
{
	const struct cut *cut = &sink->cut;

	return !cut->on || cut->over || (cut->step == CUT_NONE && cut->inputs == 0 && !cut->wanted);
}
