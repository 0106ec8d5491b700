#include "bruco-sink/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/signals.h"
#include "base/sock.h"
#include "base/status.h"
#include "bruco-sink/answers.h"
#include "bruco-sink/failure_policy.h"
#include "bruco-sink/lane.h"
#include "bruco-sink/succession.h"
#include "frame/limits.h"
#include "stage/greeting.h"

enum {
	CONNECT_MS = 10000,
	READ_MS = 2, /* between messages about inputs that are read and not delivered */
	FAIL_MS = 10000 /* for what is under way when a delivery has failed for good */
};

void destination_ready(struct destination *destination)
{
	struct sink *sink = destination->sink;

	destination->ready = true;
	if (sink->out.ready && (sink->dead_letter.kind == NULL || sink->dead_letter.ready))
		stage_ready(&sink->stage);
}

void sink_fail(struct sink *sink, int status)
{
	if (sink->status != STATUS_OK)
		return;
	sink->status = status;
	sink->deadline = clock_ms() + FAIL_MS;
}

static void connect_link(struct sink *sink, const char *path)
{
	int64_t deadline = clock_ms() + CONNECT_MS;

	while ((sink->link = sock_connect(path, SOCK_SEQPACKET)) < 0) {
		if (clock_ms() >= deadline)
			die(STATUS_UNAVAILABLE, "cannot connect to '%s': %s", path,
				strerror(errno));
		poll(NULL, 0, 20);
	}
}

/* So many there are from now on, at least. */
static void make_lanes(struct sink *sink, unsigned count)
{
	for (; sink->lane_count < count; sink->lane_count++)
		lane_init(&sink->lanes[sink->lane_count], (uint32_t)sink->config->max_record_size,
			sink->strict);
}

static void make_first_lanes(struct sink *sink, unsigned count, bool strict)
{
	sink->cap = limits_frame((uint32_t)sink->config->max_record_size);
	sink->strict = strict;
	sink->lanes = mem_array(LIMIT_LANES, sizeof *sink->lanes);
	make_lanes(sink, count);
}

static void wire_by_hand(struct sink *sink, const struct sink_options *options)
{
	bool linked = options->link_path != NULL;
	int input = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);

	if (sink->config->guarantee == GUARANTEE_EXACTLY_ONCE)
		die(STATUS_CONFIG, "processingGuarantee: exactlyOnce is for bruco, which starts the source behind the "
			"sink; by hand it is atLeastOnce");
	if (input < 0)
		die(status_of_error(errno), "cannot use standard input: %s", strerror(errno));
	sink->page = page_map(-1);
	make_first_lanes(sink, 1, linked);
	if (linked)
		connect_link(sink, options->link_path);
	lane_open(&sink->lanes[0], input);
}

static void wire_by_driver(struct sink *sink, struct config *config, int driver)
{
	struct greeting greeting;

	greeting_receive(&greeting, driver, HELLO_SOURCE_SINK_FDS);
	sink->page = greeting_open(&greeting, config, SECTION_SINK | SECTION_POLICY);
	make_first_lanes(sink, greeting.hello.lanes, true);
	sink->link = greeting.fds[HELLO_LINK];
	sink->given = given_map(greeting.fds[HELLO_GIVEN]);
}

static void on_control(struct sink *sink)
{
	struct received received;
	const struct message *message = &received.message;

	while (stage_receive_control(&sink->stage, &received)) {
		bool has_worker = received.fd_count == 2;

		if (message->type == MESSAGE_POLICY) {
			sink->config->processor.on_failure = (enum on_failure)message->flags;
			continue;
		}
		if (message->type == MESSAGE_TAP) {
			stage_tap(&sink->taps, &received);
			continue;
		}
		if (message->type != MESSAGE_LANE || message->lane >= LIMIT_LANES ||
			(received.fd_count != 0 && !has_worker))
			die(STATUS_SOFTWARE, "unexpected message %u from the driver", message->type);
		make_lanes(sink, message->lane + 1);
		succession_add(&sink->lanes[message->lane], message,
			has_worker ? received.fds[0] : -1, has_worker ? received.fds[1] : -1);
	}
}

static void on_message(struct sink *sink, const struct received *received)
{
	size_t fds = received->fd_count;

	if (received->message.type == MESSAGE_ANSWERS && fds == 1)
		answers_open(sink, received->fds[0]);
	else if (received->message.type == MESSAGE_WANT_CUT && fds == 0 && sink->cut.on)
		cut_wanted(sink);
	else if (received->message.type == MESSAGE_OFFSETS && fds <= 1)
		cut_answered(sink, fds == 1 ? received->fds[0] : -1);
	else
		die(STATUS_SOFTWARE, "unexpected message %u on the link", received->message.type);
}

/* The source's end of the link closes when it has ended or died. */
void sink_read_link(struct sink *sink)
{
	struct received received;

	switch (stage_receive(sink->link, "the source", &received)) {
	case RECEIVE_MESSAGE:
		on_message(sink, &received);
		break;
	case RECEIVE_GONE:
		fd_close(&sink->link);
		break;
	case RECEIVE_NOTHING:
		break;
	}
}

/* Delivered inputs are told at once, inputs that are only read every READ_MS. */
static bool is_due(const struct sink *sink, const struct ack *ack, int64_t now)
{
	const struct receive_lane *lane = &sink->lanes[ack->lane];

	return ack->seq > lane->acknowledged ||
	       (ack->read > lane->told_read && sink->read_due != 0 && now >= sink->read_due);
}

/* The pairs that are due; their number. Notes when the others are. */
static size_t collect_acks(struct sink *sink, struct ack acks[MESSAGE_ACKS_MAX])
{
	int64_t now = clock_ms();
	bool waits = false;
	size_t count = 0;

	for (unsigned i = 0; i < sink->lane_count; i++) {
		struct receive_lane *lane = &sink->lanes[i];
		struct ack ack = {.lane = i,
			.seq = deliveries_acked(&lane->deliveries),
			.read = lane->deliveries.last};

		if (is_due(sink, &ack, now))
			acks[count++] = ack;
		else
			waits = waits || ack.read > lane->told_read;
	}
	if (!waits)
		sink->read_due = 0;
	else if (sink->read_due == 0 || now >= sink->read_due)
		sink->read_due = now + READ_MS;
	return count;
}

static void acknowledge(struct sink *sink)
{
	struct ack acks[MESSAGE_ACKS_MAX];
	size_t count;

	if (sink->link < 0 || sink->link_full) {
		sink->read_due = 0; /* nothing can be sent now: the wait must not end for it */
		return;
	}
	count = collect_acks(sink, acks);
	if (count == 0)
		return;
	if (message_send_acks(sink->link, acks, count) < 0) {
		if (errno == EAGAIN)
			sink->link_full = true;
		return; /* EPIPE: sink_read_link will see it */
	}
	for (size_t i = 0; i < count; i++) {
		sink->lanes[acks[i].lane].acknowledged = acks[i].seq;
		sink->lanes[acks[i].lane].told_read = acks[i].read;
	}
}

static bool work_lanes(struct sink *sink)
{
	for (unsigned n = 0; n < sink->lane_count; n++) {
		unsigned index = (sink->first_lane + n) % sink->lane_count;

		if (!lane_work(sink, index)) {
			sink->first_lane = index;
			return false;
		}
		succession_work(sink, index);
	}
	return true;
}

static bool all_ended(const struct sink *sink)
{
	for (unsigned i = 0; i < sink->lane_count; i++)
		if (!lane_ended(&sink->lanes[i]) || sink->lanes[i].successor_count > 0)
			return false;
	return true;
}

static bool all_gone(const struct sink *sink)
{
	for (unsigned i = 0; i < sink->lane_count; i++)
		if (sink->lanes[i].state != LANE_GONE)
			return false;
	return true;
}

/* Whether every acknowledgement that can be sent was sent. */
static bool told(const struct sink *sink)
{
	for (unsigned i = 0; i < sink->lane_count; i++)
		if (sink->link >= 0 &&
			sink->lanes[i].acknowledged < sink->lanes[i].deliveries.acked)
			return false;
	return true;
}

static bool finished(struct sink *sink)
{
	struct message end = {.type = MESSAGE_END};

	if (sink->cut.over && sink->link < 0)
		return true;
	if (sink->status != STATUS_OK)
		return (sink->under_way == 0 && told(sink) && cut_is_idle(sink)) ||
		       clock_ms() >= sink->deadline;
	if (!all_ended(sink) || sink->under_way > 0 || !told(sink) || !cut_is_idle(sink))
		return false;
	/* Under the driver lanes at their end may still get successors, as long as the source is
	 * there to use them. */
	if (sink->stage.control >= 0 && sink->link >= 0) {
		if (all_gone(sink) && !sink->end_sent)
			sink->end_sent = message_send(sink->link, &end, NULL, 0) == 0;
		return false;
	}
	return true;
}

/* ---- the destinations; there may be no dead letter */

static void destination_open(struct destination *destination)
{
	if (destination->kind != NULL)
		destination->state = destination->kind->open(destination);
}

static int destination_descriptor(const struct destination *destination)
{
	const struct sink_kind *kind = destination->kind;

	return kind == NULL || kind->descriptor == NULL ? -1 : kind->descriptor(destination->state);
}

static int destination_timeout(const struct destination *destination)
{
	const struct sink_kind *kind = destination->kind;

	return kind == NULL || kind->timeout == NULL ? -1 : kind->timeout(destination->state);
}

static void destination_work(const struct destination *destination)
{
	if (destination->kind != NULL && destination->kind->work != NULL)
		destination->kind->work(destination->state);
}

static void destination_flush(const struct destination *destination)
{
	if (destination->kind != NULL && destination->kind->flush != NULL)
		destination->kind->flush(destination->state);
}

static bool destination_close(const struct destination *destination)
{
	return destination->kind == NULL || destination->kind->close == NULL ||
	       destination->kind->close(destination->state);
}

/* Both at once, however long each takes. */
static bool closed(struct sink *sink)
{
	bool first = !sink->closing, out, dead_letter;

	sink->closing = true;
	out = destination_close(&sink->out);
	dead_letter = destination_close(&sink->dead_letter);
	if (first && !(out && dead_letter)) /* all is acknowledged: nothing of it would come again */
		stage_final(&sink->stage);
	return out && dead_letter;
}

static void wait_for_work(struct sink *sink, bool full)
{
	struct pollfd fds[LIMIT_LANES + TAPS_MAX + 8], *taps;
	size_t count = 0;
	int timeout = clock_shorter(destination_timeout(&sink->out), destination_timeout(&sink->dead_letter));

	fds[count++] = (struct pollfd){.fd = sink->stage.signals, .events = POLLIN};
	fds[count++] = (struct pollfd){.fd = sink->stage.control, .events = POLLIN};
	fds[count++] = (struct pollfd){.fd = sink->link, .events = POLLIN};
	if (sink->link_full)
		fds[2].events |= POLLOUT;
	fds[count++] = (struct pollfd){.fd = destination_descriptor(&sink->out), .events = POLLIN};
	fds[count++] =
		(struct pollfd){.fd = destination_descriptor(&sink->dead_letter), .events = POLLIN};
	for (unsigned i = 0; i < sink->lane_count && !full && sink->status == STATUS_OK; i++)
		if (lane_wants(&sink->lanes[i]))
			fds[count++] = (struct pollfd){.fd = sink->lanes[i].fd, .events = POLLIN};
	taps = fds + count;
	count += taps_poll(&sink->taps, taps);
	if (sink->read_due != 0)
		timeout = clock_shorter(timeout, clock_left(sink->read_due, clock_ms()));
	timeout = clock_shorter(timeout, cut_timeout(sink));
	if (sink->status != STATUS_OK && !sink->closing)
		timeout = clock_left(sink->deadline, clock_ms());
	fd_poll(fds, count, timeout);
	taps_polled(&sink->taps, taps);
	/* By hand, in a pipeline, the source drains at the same signal and ends our input. */
	if (fds[0].revents != 0)
		stage_asked_to_end(&sink->stage);
	if (fds[1].revents != 0)
		on_control(sink);
	if ((fds[2].revents & POLLOUT) != 0)
		sink->link_full = false;
	if ((fds[2].revents & ~POLLOUT) != 0)
		sink_read_link(sink);
}

/* What is open still is read again by whoever comes next. Readers need not wait for its time-out. */
static void end_transaction(struct sink *sink)
{
	if (!sink->cut.on || (sink->cut.inputs == 0 && !sink->cut.over))
		return;
	sink->out.kind->abort(sink->out.state);
	if (sink->status == STATUS_OK)
		sink->status = STATUS_TEMPFAIL;
}

int sink_run(struct config *config, const struct sink_options *options)
{
	struct sink sink = {.config = config, .link = -1, .answers = -1, .with_keys = options->with_keys};
	bool full = false;

	stage_open(&sink.stage, options->driver);
	if (options->driver >= 0)
		wire_by_driver(&sink, config, options->driver);
	else
		wire_by_hand(&sink, options);
	sink.out = (struct destination){.sink = &sink,
		.kind = sink_kind_named(config->sink.kind),
		.config = &config->sink};
	sink.dead_letter = (struct destination){.sink = &sink, .config = &config->dead_letter};
	if (config->processor.on_failure == FAILURE_DEAD_LETTER)
		sink.dead_letter.kind = sink_kind_named(config->dead_letter.kind);
	cut_open(&sink);
	destination_open(&sink.out);
	destination_open(&sink.dead_letter);
	while (!(sink.closing || finished(&sink)) || !closed(&sink)) {
		wait_for_work(&sink, full);
		destination_work(&sink.out);
		destination_work(&sink.dead_letter);
		failure_work(&sink);
		full = !work_lanes(&sink);
		destination_flush(&sink.out);
		destination_flush(&sink.dead_letter);
		answers_flush(&sink);
		acknowledge(&sink);
		cut_work(&sink);
		taps_flush(&sink.taps);
	}
	end_transaction(&sink);
	taps_close(&sink.taps);
	return sink.status;
}
