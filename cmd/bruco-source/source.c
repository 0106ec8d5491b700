#include "bruco-source/source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/signals.h"
#include "base/status.h"
#include "bruco-source/oversized.h"
#include "config/command.h"

enum { CONTROL_LANES_MAX = 256 };

void stage_ready(struct stage *stage)
{
	struct message message = {.type = MESSAGE_READY};

	if (stage->ready)
		return;
	stage->ready = true;
	if (stage->control >= 0)
		message_send(stage->control, &message, NULL, 0);
	else
		log_debug("ready");
}

void stage_end(struct stage *stage)
{
	if (stage->draining)
		return;
	stage->draining = true;
	stage->deadline = clock_ms() + stage->config->shutdown_timeout_ms;
}

void stage_drain(struct stage *stage, int status)
{
	if (stage->status == STATUS_OK)
		stage->status = status;
	if (!stage->draining)
		stage->successor = status == STATUS_TEMPFAIL && stage->control >= 0;
	stage->asked = true;
	stage_end(stage);
}

/* After the kind's work, which has let go of records that wait and need not be run. */
static void announce_drain(struct stage *stage)
{
	uint64_t count = stage->lanes.in_flight + stage->lanes.aside;

	if (!stage->asked || stage->announced)
		return;
	stage->announced = true;
	if (count > 0)
		log_info("draining: %llu record%s under way", (unsigned long long)count,
			count == 1 ? "" : "s");
}

/* A failure like any other, before any attempt: onFailure decides. */
static enum take_result take_oversized(struct stage *stage, const struct passage *passage,
	const char *why, bool headers_readable)
{
	static struct buf headers;
	const struct partition *partition = passage->partition;
	struct frame_record letter;
	struct passage failed = *passage;
	struct log_about about = {.topic = partition->topic,
		.partition = partition->id,
		.offset = passage->record->offset};

	if (stage->config->processor.on_failure != FAILURE_STOP) {
		oversized_letter(&letter, passage->record, why, headers_readable,
			stage->lanes.size_max, &headers);
		failed.record = &letter;
		failed.failed = true;
		return lanes_take(&stage->lanes, &failed);
	}
	log_about(LEVEL_ERROR, &about, "%s (%s[%d]@%lld)", why, partition->topic,
		(int)partition->id, (long long)passage->record->offset);
	stage_drain(stage, STATUS_FAILED);
	return TAKE_FAILED;
}

enum take_result stage_take(
	struct stage *stage, const struct passage *passage, const char *unreadable)
{
	char why[OVERSIZED_WHY_MAX];
	enum take_result result;

	if (oversized_why(passage->record, unreadable, stage->lanes.size_max, why))
		result = take_oversized(stage, passage, why, unreadable == NULL);
	else
		result = lanes_take(&stage->lanes, passage);
	if (result == TAKE_OK && stage->limit > 0 && --stage->limit == 0)
		stage_end(stage);
	return result;
}

/* By hand, standard output is the only lane. A pipe is opened anew, so that making it non-blocking
 * does not change it for others who share it. */
static int take_output(void)
{
	struct stat status;
	int fd = -1;

	if (fstat(STDOUT_FILENO, &status) == 0 && S_ISFIFO(status.st_mode))
		fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		die(status_of_error(errno), "cannot use standard output: %s", strerror(errno));
	if (dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		die(status_of_error(errno), "cannot move standard output: %s", strerror(errno));
	return fd;
}

static void wire_by_hand(struct stage *stage, const struct stage_options *options)
{
	lanes_init(&stage->lanes, 1, stage->config, page_map(-1));
	lanes_open(&stage->lanes, 0, take_output());
	if (options->link_path == NULL)
		return;
	stage->link_path = options->link_path;
	stage->listener = sock_listen(options->link_path);
	if (stage->listener < 0)
		die(STATUS_UNAVAILABLE, "cannot listen at '%s': %s", options->link_path,
			strerror(errno));
	fd_nonblocking(stage->listener, true);
	stage->lanes.acknowledged = true;
}

/* The config section of HELLO replaces what was read so far. */
static void wire_by_driver(struct stage *stage, struct config *config, int driver)
{
	struct greeting greeting;

	command_greeted(
		driver, config, SECTION_SOURCE | SECTION_POLICY, CONTROL_LANES_MAX, &greeting);
	lanes_init(&stage->lanes, greeting.hello.lanes, config, greeting.page);
	stage->lanes.acknowledged = stage->lanes.resumable = true;
	stage->control = driver;
	stage->link = greeting.link;
	stage->driver_id = greeting.hello.seq;
	stage->stop_at_end = (greeting.hello.flags & HELLO_STOP_AT_END) != 0;
}

/* What it has acknowledged can still be committed. */
static void on_sink_gone(struct stage *stage)
{
	/* Of the driver's stages the driver says why. */
	if (stage->control >= 0)
		log_debug("the sink is gone");
	else
		log_error("the sink is gone");
	fd_close(&stage->link);
	stage->sink_ended = true;
	stage_drain(stage, STATUS_TEMPFAIL);
}

/* By hand. The sink may still acknowledge what it has; its end of the link closes after that.
 * Without a link this is a filter, which ends quietly then. */
static void on_reader_gone(struct stage *stage)
{
	stage->unread = !stage->lanes.acknowledged;
	if (!stage->unread)
		log_error("the reader of standard output is gone");
	stage->sink_ended = stage->link < 0;
	stage_drain(stage, STATUS_TEMPFAIL);
}

static void on_link(struct stage *stage)
{
	int fds[SOCK_FDS_MAX];
	size_t fd_count, ack_count;
	const struct ack *acks;
	struct message message;

	for (;;) {
		int got = message_receive(stage->link, &message, fds, &fd_count, &acks, &ack_count);

		if (got < 0 && errno == EAGAIN)
			return;
		if (got == 0) {
			on_sink_gone(stage);
			return;
		}
		if (got < 0)
			die(status_of_error(errno), "unreadable message on the link: %s",
				strerror(errno));
		if (message.type == MESSAGE_END) {
			stage->sink_ended = true;
			continue;
		}
		if (message.type == MESSAGE_RESUME) {
			if (!lanes_resume(&stage->lanes, &message, fd_count > 0 ? fds[0] : -1))
				die(STATUS_SOFTWARE,
					"the sink resumes lane %u at %llu, which was not sent",
					message.lane, (unsigned long long)message.seq);
			continue;
		}
		if (message.type != MESSAGE_ACK)
			die(STATUS_SOFTWARE, "unexpected message %u on the link", message.type);
		for (size_t i = 0; i < ack_count; i++)
			if (!lanes_acknowledge(&stage->lanes, acks[i].lane, acks[i].seq))
				die(STATUS_SOFTWARE,
					"the sink acknowledges %llu in lane %u, which was not sent",
					(unsigned long long)acks[i].seq, acks[i].lane);
	}
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
		if (message.type == MESSAGE_START)
			stage->started = true;
		else if (message.type == MESSAGE_DRAIN) {
			stage_drain(stage, STATUS_OK);
			stage->successor = (message.flags & DRAIN_RESTART) != 0;
		} else if (message.type == MESSAGE_ATTEMPT)
			lanes_attempt(
				&stage->lanes, message.lane, message.seq, message.page.attempt);
		else
			die(STATUS_SOFTWARE, "unexpected message %u from the driver", message.type);
	}
}

static void on_listener(struct stage *stage)
{
	int peer = sock_accept(stage->listener);

	if (peer < 0 && status_of_error(errno) == STATUS_TEMPFAIL && errno != EAGAIN)
		die(STATUS_TEMPFAIL, "cannot take the sink's connection: %s", strerror(errno));
	if (peer < 0)
		return;
	stage->link = peer;
	fd_close(&stage->listener);
	unlink(stage->link_path);
}

static void on_signals(struct stage *stage)
{
	int number;

	while ((number = signals_next(stage->signals)) != 0) {
		if (stage->control >= 0)
			continue; /* the terminal or systemd tells all; the driver decides */
		if (stage->draining)
			signals_die(number);
		stage_drain(stage, STATUS_OK);
	}
}

/* Waits until something can be done. Without a kind's state, only others can give something. */
static void wait_for_work(struct stage *stage)
{
	struct pollfd fds[CONTROL_LANES_MAX + 8];
	size_t count = 0;
	int timeout = stage->state == NULL ? -1 : stage->kind->timeout(stage->state);
	int input = stage->state == NULL ? -1 : stage->kind->descriptor(stage->state);

	fds[count++] = (struct pollfd){.fd = stage->signals, .events = POLLIN};
	fds[count++] = (struct pollfd){.fd = stage->control, .events = POLLIN};
	fds[count++] = (struct pollfd){.fd = stage->link, .events = POLLIN};
	fds[count++] = (struct pollfd){.fd = stage->listener, .events = POLLIN};
	fds[count++] = (struct pollfd){.fd = input, .events = POLLIN};
	count += lanes_poll(&stage->lanes, fds + count);
	if (stage->draining) {
		int left = clock_left(stage->deadline, clock_ms());

		if (timeout < 0 || left < timeout)
			timeout = left;
	}
	fd_poll(fds, count, timeout);
	if (fds[0].revents != 0)
		on_signals(stage);
	if (fds[1].revents != 0)
		on_control(stage);
	if (fds[2].revents != 0)
		on_link(stage);
	if (fds[3].revents != 0)
		on_listener(stage);
}

/* Whether the drain is over: all done, or no time (by hand) or nobody (sink) left to do it. */
static bool finished(struct stage *stage)
{
	bool drained;

	if (!stage->draining)
		return false;
	drained = lanes_drained(&stage->lanes);
	if ((drained || stage->sink_ended) && stage->kind->settled(stage->state)) {
		if (!drained && stage->status == STATUS_OK)
			stage->status = STATUS_TEMPFAIL;
		return true;
	}
	/* The driver has a deadline of its own for a drain that it began; of one that a refusal began
	 * it knows nothing, and what is left to commit may never be taken. */
	if ((stage->control >= 0 && stage->status != STATUS_REFUSED) ||
		clock_ms() < stage->deadline)
		return false;
	log_error("shutdown deadline passed with %llu records under way",
		(unsigned long long)(stage->lanes.in_flight + stage->lanes.aside));
	stage->kind->settled(stage->state);
	if (stage->status != STATUS_REFUSED)
		stage->status = STATUS_TEMPFAIL;
	return true;
}

static void close_down(struct stage *stage)
{
	struct message message = {.type = MESSAGE_CLOSING};

	/* It says that all is acknowledged and committed: a promise to the driver. */
	if (stage->control >= 0 && lanes_drained(&stage->lanes) && stage->status == STATUS_OK)
		message_send(stage->control, &message, NULL, 0);
	lanes_close(&stage->lanes, stage->control < 0 && stage->status == STATUS_OK);
	if (stage->state != NULL && stage->kind->close != NULL)
		stage->kind->close(stage->state);
	if (stage->listener >= 0)
		unlink(stage->link_path);
}

int stage_run(
	struct config *config, const struct source_kind *kind, const struct stage_options *options)
{
	struct stage stage = {.config = config,
		.control = -1,
		.link = -1,
		.listener = -1,
		.started = options->driver < 0,
		.limit = options->limit,
		.stop_at_end = options->stop_at_end};

	stage.signals = signals_init(0);
	if (options->driver >= 0)
		wire_by_driver(&stage, config, options->driver);
	else
		wire_by_hand(&stage, options);
	if (kind == NULL)
		kind = stage_kind(config->source.kind);
	stage.kind = kind;
	while (!stage.started && !stage.draining)
		wait_for_work(&stage);
	if (stage.started)
		stage.state = kind->open(&stage);
	while (stage.started && !finished(&stage)) {
		wait_for_work(&stage);
		kind->work(stage.state);
		announce_drain(&stage);
		if (!lanes_write(&stage.lanes))
			on_reader_gone(&stage);
	}
	close_down(&stage);
	if (stage.unread && stage.status == STATUS_TEMPFAIL)
		signals_die(SIGPIPE);
	return stage.status;
}
