#include "bruco-sink/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/signals.h"
#include "base/sock.h"
#include "base/status.h"
#include "bruco-sink/failure_policy.h"
#include "bruco-sink/lane.h"
#include "config/command.h"
#include "frame/limits.h"

enum {
	LANES_MAX = 256,
	CONNECT_MS = 10000,
	FAIL_MS = 10000 /* for what is under way when a delivery has failed for good */
};

void outlet_ready(struct outlet *outlet)
{
	struct message message = {.type = MESSAGE_READY};
	struct stage *stage = outlet->stage;

	outlet->ready = true;
	if (stage->ready || !stage->out.ready ||
		(stage->dead_letter.kind != NULL && !stage->dead_letter.ready))
		return;
	stage->ready = true;
	if (stage->control >= 0)
		message_send(stage->control, &message, NULL, 0);
	else
		log_debug("ready");
}

void stage_fail(struct stage *stage, int status)
{
	if (stage->status != STATUS_OK)
		return;
	stage->status = status;
	stage->deadline = clock_ms() + FAIL_MS;
}

static void connect_link(struct stage *stage, const char *path)
{
	int64_t deadline = clock_ms() + CONNECT_MS;

	while ((stage->link = sock_connect(path)) < 0) {
		if (clock_ms() >= deadline)
			die(STATUS_UNAVAILABLE, "cannot connect to '%s': %s", path,
				strerror(errno));
		poll(NULL, 0, 20);
	}
}

static void make_lanes(
	struct stage *stage, unsigned count, const struct config *config, bool strict)
{
	stage->cap = limits_frame((uint32_t)config->max_record_size);
	stage->lane_count = count;
	stage->lanes = mem_array(count, sizeof *stage->lanes);
	for (unsigned i = 0; i < count; i++)
		lane_init(&stage->lanes[i], (uint32_t)config->max_record_size, strict);
}

static void wire_by_hand(struct stage *stage, const struct stage_options *options)
{
	bool linked = options->link_path != NULL;
	int input = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);

	if (input < 0)
		die(status_of_error(errno), "cannot use standard input: %s", strerror(errno));
	stage->page = page_map(-1);
	make_lanes(stage, 1, stage->config, linked);
	if (linked)
		connect_link(stage, options->link_path);
	lane_open(&stage->lanes[0], input);
}

static void wire_by_driver(struct stage *stage, struct config *config, int driver)
{
	struct greeting greeting;

	command_greeted(driver, config, SECTION_SINK | SECTION_POLICY, LANES_MAX, &greeting);
	stage->page = greeting.page;
	make_lanes(stage, greeting.hello.lanes, config, true);
	stage->control = driver;
	stage->link = greeting.link;
}

static void on_control(struct stage *stage)
{
	int fds[SOCK_FDS_MAX];
	size_t fd_count, ack_count;
	const struct ack *acks;
	struct message message;

	for (;;) {
		int got = message_receive(
			stage->control, &message, fds, &fd_count, &acks, &ack_count);

		if (got < 0 && errno == EAGAIN)
			return;
		if (got == 0)
			die(STATUS_TEMPFAIL, "the driver is gone");
		if (got < 0)
			die(status_of_error(errno), "unreadable message from the driver: %s",
				strerror(errno));
		if (message.type != MESSAGE_LANE || message.lane >= stage->lane_count ||
			(fd_count != 0 && fd_count != 2))
			die(STATUS_SOFTWARE, "unexpected message %u from the driver", message.type);
		lane_succession(&stage->lanes[message.lane], &message, fd_count == 2 ? fds[0] : -1,
			fd_count == 2 ? fds[1] : -1);
	}
}

/* The source sends nothing; its end of the link closes when it has ended or died. */
static void on_link(struct stage *stage)
{
	int fds[SOCK_FDS_MAX];
	size_t fd_count, ack_count;
	const struct ack *acks;
	struct message message;
	int got = message_receive(stage->link, &message, fds, &fd_count, &acks, &ack_count);

	if (got < 0 && errno == EAGAIN)
		return;
	if (got > 0)
		die(STATUS_SOFTWARE, "unexpected message %u on the link", message.type);
	fd_close(&stage->link);
}

/* Under the driver signals change nothing: the end comes through the lanes. By hand, in a pipeline,
 * the source drains at the same signal and ends our input; a second one ends it at once. */
static void on_signals(struct stage *stage)
{
	static bool before;
	int number;

	while ((number = signals_next(stage->signals)) != 0) {
		if (stage->control >= 0)
			continue;
		if (before)
			signals_die(number);
		before = true;
	}
}

static void acknowledge(struct stage *stage)
{
	struct ack acks[MESSAGE_ACKS_MAX];
	size_t count = 0;

	if (stage->link < 0 || stage->link_full)
		return;
	for (unsigned i = 0; i < stage->lane_count; i++) {
		uint64_t seq = deliveries_acked(&stage->lanes[i].deliveries);

		if (seq > stage->lanes[i].acknowledged)
			acks[count++] = (struct ack){.lane = i, .seq = seq};
	}
	if (count == 0)
		return;
	if (message_send_acks(stage->link, acks, count) < 0) {
		if (errno == EAGAIN)
			stage->link_full = true;
		return; /* EPIPE: on_link will see it */
	}
	for (size_t i = 0; i < count; i++)
		stage->lanes[acks[i].lane].acknowledged = acks[i].seq;
}

static bool work_lanes(struct stage *stage)
{
	static unsigned first; /* whoever found the kind full goes first next time */

	for (unsigned n = 0; n < stage->lane_count; n++) {
		unsigned index = (first + n) % stage->lane_count;

		if (!lane_work(stage, index)) {
			first = index;
			return false;
		}
		lane_succeed(stage, index);
	}
	return true;
}

static bool all_ended(const struct stage *stage)
{
	for (unsigned i = 0; i < stage->lane_count; i++)
		if (!lane_ended(&stage->lanes[i]) || stage->lanes[i].successor_count > 0)
			return false;
	return true;
}

static bool all_gone(const struct stage *stage)
{
	for (unsigned i = 0; i < stage->lane_count; i++)
		if (stage->lanes[i].state != LANE_GONE)
			return false;
	return true;
}

/* Whether every acknowledgement that can be sent was sent. */
static bool told(const struct stage *stage)
{
	for (unsigned i = 0; i < stage->lane_count; i++)
		if (stage->link >= 0 &&
			stage->lanes[i].acknowledged < stage->lanes[i].deliveries.acked)
			return false;
	return true;
}

static bool finished(struct stage *stage)
{
	struct message end = {.type = MESSAGE_END};

	if (stage->status != STATUS_OK)
		return (stage->under_way == 0 && told(stage)) || clock_ms() >= stage->deadline;
	if (!all_ended(stage) || stage->under_way > 0 || !told(stage))
		return false;
	/* Under the driver lanes at their end may still get successors, as long as the source is
	 * there to use them. */
	if (stage->control >= 0 && stage->link >= 0) {
		if (all_gone(stage) && !stage->end_sent)
			stage->end_sent = message_send(stage->link, &end, NULL, 0) == 0;
		return false;
	}
	return true;
}

/* ---- the outlets; there may be no dead letter */

static void outlet_open(struct outlet *outlet)
{
	if (outlet->kind != NULL)
		outlet->state = outlet->kind->open(outlet);
}

static int outlet_descriptor(const struct outlet *outlet)
{
	return outlet->kind == NULL ? -1 : outlet->kind->descriptor(outlet->state);
}

static int outlet_timeout(const struct outlet *outlet)
{
	return outlet->kind == NULL ? -1 : outlet->kind->timeout(outlet->state);
}

static void outlet_work(const struct outlet *outlet)
{
	if (outlet->kind != NULL)
		outlet->kind->work(outlet->state);
}

static void outlet_flush(const struct outlet *outlet)
{
	if (outlet->kind != NULL)
		outlet->kind->flush(outlet->state);
}

static int sooner(int one, int other)
{
	return one < 0 ? other : other < 0 || one < other ? one : other;
}

static void wait_for_work(struct stage *stage, bool full)
{
	struct pollfd fds[LANES_MAX + 8];
	size_t count = 0;
	int timeout = sooner(outlet_timeout(&stage->out), outlet_timeout(&stage->dead_letter));

	fds[count++] = (struct pollfd){.fd = stage->signals, .events = POLLIN};
	fds[count++] = (struct pollfd){.fd = stage->control, .events = POLLIN};
	fds[count++] = (struct pollfd){.fd = stage->link, .events = POLLIN};
	if (stage->link_full)
		fds[2].events |= POLLOUT;
	fds[count++] = (struct pollfd){.fd = outlet_descriptor(&stage->out), .events = POLLIN};
	fds[count++] =
		(struct pollfd){.fd = outlet_descriptor(&stage->dead_letter), .events = POLLIN};
	for (unsigned i = 0; i < stage->lane_count && !full && stage->status == STATUS_OK; i++)
		if (lane_wants(&stage->lanes[i]))
			fds[count++] = (struct pollfd){.fd = stage->lanes[i].fd, .events = POLLIN};
	if (stage->status != STATUS_OK)
		timeout = clock_left(stage->deadline, clock_ms());
	fd_poll(fds, count, timeout);
	if (fds[0].revents != 0)
		on_signals(stage);
	if (fds[1].revents != 0)
		on_control(stage);
	if ((fds[2].revents & POLLOUT) != 0)
		stage->link_full = false;
	if ((fds[2].revents & ~POLLOUT) != 0)
		on_link(stage);
}

int stage_run(
	struct config *config, const struct sink_kind *kind, const struct stage_options *options)
{
	struct stage stage = {.config = config, .control = -1, .link = -1};
	bool full = false;

	stage.signals = signals_init(0);
	if (options->driver >= 0)
		wire_by_driver(&stage, config, options->driver);
	else
		wire_by_hand(&stage, options);
	stage.out = (struct outlet){
		.stage = &stage, .kind = kind, .config = &config->sink};
	if (kind == NULL)
		stage.out.kind = stage_kind(config->sink.kind);
	stage.dead_letter = (struct outlet){.stage = &stage, .config = &config->dead_letter};
	if (config->processor.on_failure == FAILURE_DEAD_LETTER)
		stage.dead_letter.kind = stage_kind(config->dead_letter.kind);
	outlet_open(&stage.out);
	outlet_open(&stage.dead_letter);
	while (!finished(&stage)) {
		wait_for_work(&stage, full);
		outlet_work(&stage.out);
		outlet_work(&stage.dead_letter);
		failure_work(&stage);
		full = !work_lanes(&stage);
		outlet_flush(&stage.out);
		outlet_flush(&stage.dead_letter);
		acknowledge(&stage);
	}
	return stage.status;
}
