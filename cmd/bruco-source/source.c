#include "bruco-source/source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/signals.h"
#include "base/status.h"
#include "bruco-source/oversized.h"
#include "frame/limits.h"
#include "stage/greeting.h"

void source_end(struct source *source)
{
	if (source->draining)
		return;
	source->draining = source->stage.asked = true;
	lanes_spread(&source->lanes, lanes_spread_now(&source->lanes)); /* what waits needs the lanes that there are */
	source->deadline = clock_ms() + source->config->shutdown_timeout_ms;
}

void source_drain(struct source *source, int status)
{
	if (source->status == STATUS_OK)
		source->status = status;
	if (!source->draining)
		source->successor = status == STATUS_TEMPFAIL && source->stage.control >= 0;
	source->asked = true;
	source_end(source);
}

/* Call after the kind's work, which drops the waiting records that need not run before the end. */
static void announce_drain(struct source *source)
{
	uint64_t count = source->lanes.in_flight + source->lanes.aside;
	bool first = !reminder_begun(&source->reminder);
	char more[48] = "";
	int64_t now, left;

	if (!source->asked)
		return;
	now = clock_ms();
	if (!reminder_due(&source->reminder, now) || count == 0)
		return;
	left = first ? 0 : (lanes_time_left(&source->lanes, now) + 500) / 1000;
	if (left > 0)
		snprintf(more, sizeof more, ", for about %lld s more", (long long)left);
	log_info("draining: %llu record%s under way%s", (unsigned long long)count,
		count == 1 ? "" : "s", more);
}

/* Fails the record before any attempt, as onFailure says. */
static enum dispatch_result dispatch_oversized(struct source *source, const struct passage *passage,
	const char *why, bool headers_readable)
{
	static struct buf headers;
	const struct partition *partition = passage->partition;
	struct frame_record letter;
	struct passage failed = *passage;
	struct log_about about = {.topic = partition->topic,
		.partition = partition->id,
		.offset = passage->record->offset};

	if (source->config->processor.on_failure != FAILURE_STOP) {
		oversized_dead_letter(&letter, passage->record, why, headers_readable,
			source->lanes.size_max, &headers);
		failed.record = &letter;
		failed.failed = true;
		return lanes_dispatch(&source->lanes, &failed);
	}
	log_about(LEVEL_ERROR, &about, "%s (%s[%d]@%lld)", why, partition->topic,
		(int)partition->id, (long long)passage->record->offset);
	source_drain(source, STATUS_FAILED);
	return DISPATCH_FAILED;
}

enum dispatch_result source_dispatch(
	struct source *source, const struct passage *passage, const char *unreadable)
{
	char why[OVERSIZED_WHY_MAX];
	enum dispatch_result result;

	if (!passage->at_once && !rate_allows(&source->rate, source->lanes.turn_ms)) {
		source->starved = true;
		return DISPATCH_FULL;
	}
	if (oversized_why(passage->record, unreadable, source->lanes.size_max, why))
		result = dispatch_oversized(source, passage, why, unreadable == NULL);
	else
		result = lanes_dispatch(&source->lanes, passage);
	if (result == DISPATCH_OK)
		rate_take(&source->rate);
	if (result == DISPATCH_OK && source->limit > 0 && --source->limit == 0)
		source_end(source);
	return result;
}

bool source_is_paused(const struct source *source, const char *topic, int32_t partition)
{
	return pauses_match(&source->pauses, topic, partition);
}

/* By hand, standard output is the only lane. A pipe is opened anew, so that making it non-blocking
 * does not change it for others who share it. */
static int claim_output(void)
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

static void wire_by_hand(struct source *source, const struct source_options *options)
{
	if (source->config->guarantee == GUARANTEE_EXACTLY_ONCE)
		die(STATUS_CONFIG, "processingGuarantee: exactlyOnce is for bruco, which starts the source behind the "
			"sink; by hand it is atLeastOnce");
	lanes_init(&source->lanes, 1, source->config, page_map(-1));
	lanes_open(&source->lanes, 0, claim_output());
	if (options->link_path == NULL)
		return;
	source->link_path = options->link_path;
	source->listener = sock_listen(options->link_path, SOCK_SEQPACKET);
	if (source->listener < 0)
		die(STATUS_UNAVAILABLE, "cannot listen at '%s': %s", options->link_path,
			strerror(errno));
	fd_nonblocking(source->listener, true);
	source->lanes.acknowledged = true;
}

/* The config section of HELLO replaces what was read so far. */
static void wire_by_driver(struct source *source, struct config *config, int driver)
{
	struct greeting greeting;
	struct page *page;

	greeting_receive(&greeting, driver, HELLO_SOURCE_SINK_FDS);
	source->board = board_try_map(greeting.fds[HELLO_PAGE]);
	page = greeting_open(&greeting, config, SECTION_SOURCE | SECTION_POLICY);
	lanes_init(&source->lanes, greeting.hello.lanes, config, page);
	source->lanes.acknowledged = source->lanes.resumable = true;
	source->link = greeting.fds[HELLO_LINK];
	source->lanes.given = given_map(greeting.fds[HELLO_GIVEN]);
	source->driver_id = greeting.hello.seq;
	source->stop_at_end = (greeting.hello.flags & HELLO_STOP_AT_END) != 0;
}

/* The acknowledgements that have come can still be committed. */
static void on_sink_gone(struct source *source)
{
	/* Under the driver, the driver says why. */
	if (source->stage.control >= 0)
		log_debug("the sink is gone");
	else
		log_error("the sink is gone");
	fd_close(&source->link);
	source->sink_ended = true;
	source_drain(source, STATUS_TEMPFAIL);
}

/* By hand. The sink may still acknowledge what it has read, then closes its end of the link. Without
 * a link the source is a filter, and ends quietly. */
static void on_reader_gone(struct source *source)
{
	source->unread = !source->lanes.acknowledged;
	if (!source->unread)
		log_error("the reader of standard output is gone");
	source->sink_ended = source->link < 0;
	source_drain(source, STATUS_TEMPFAIL);
}

/* The sink took it for an answer, since the record was to be written at any moment. */
static void end_liar(struct source *source, uint32_t lane)
{
	struct message broken = {.type = MESSAGE_BROKEN, .lane = lane, .life = source->lanes.items[lane].life};

	if (source->stage.control < 0)
		die(STATUS_SOFTWARE, "the sink acknowledges in lane %u what was not sent", lane);
	log_error("worker %u answered a record that it did not have", lane);
	message_send(source->stage.control, &broken, NULL, 0);
}

static void resume_lane(struct source *source, const struct received *received)
{
	const struct message *message = &received->message;

	if (!lanes_resume(&source->lanes, message, received->fd_count > 0 ? received->fds[0] : -1))
		die(STATUS_SOFTWARE, "the sink resumes lane %u at %llu, which was not sent",
			message->lane, (unsigned long long)message->seq);
}

static void acknowledge(struct source *source, const struct received *received)
{
	for (size_t i = 0; i < received->ack_count; i++) {
		const struct ack *ack = &received->acks[i];

		bool liar = ack->lane < source->lanes.made && source->lanes.items[ack->lane].liar;

		lanes_note_read(&source->lanes, ack->lane, ack->read);
		if (!lanes_acknowledge(&source->lanes, ack->lane, ack->seq))
			die(STATUS_SOFTWARE,
				"the sink acknowledges %llu in lane %u, which was not sent",
				(unsigned long long)ack->seq, ack->lane);
		if (!liar && source->lanes.items[ack->lane].liar)
			end_liar(source, ack->lane);
	}
}

static void read_answers(struct source *source)
{
	if (!answers_read(&source->answers, &source->lanes, source->kind, source->state))
		die(STATUS_SOFTWARE, "the sink's answers are unreadable: %s", source->answers.why);
}

/* ---- exactly once */

void source_want_cut(struct source *source)
{
	struct message want = {.type = MESSAGE_WANT_CUT};

	if (!source->cut_wanted && source->link >= 0)
		source->cut_wanted = message_send(source->link, &want, NULL, 0) == 0; /* or it is tried again */
}

/* Without a descriptor the answer is a refusal. */
static void send_offsets(struct source *source, const struct buf *offsets)
{
	struct message answer = {.type = MESSAGE_OFFSETS};
	int fd = offsets == NULL ? -1 : fd_memory("bruco-offsets", offsets->data, offsets->length);

	if (message_send(source->link, &answer, &fd, fd >= 0 ? 1 : 0) < 0 && errno != EPIPE)
		die(STATUS_TEMPFAIL, "cannot tell the sink what to commit: %s", strerror(errno));
	fd_close(&fd);
}

static void answer_cut(struct source *source)
{
	static struct buf offsets;

	source->cut_wanted = false;
	buf_reset(&offsets);
	if (source->kind->cut == NULL)
		die(STATUS_SOFTWARE, "unexpected message %u on the link", MESSAGE_CUT);
	if (lanes_owe(&source->lanes) || !source->kind->cut(source->state, &offsets))
		send_offsets(source, NULL);
	else
		send_offsets(source, &offsets);
}

static void on_link(struct source *source)
{
	struct received received;
	enum receive_result result;

	while ((result = stage_receive(source->link, "the sink", &received)) == RECEIVE_MESSAGE) {
		switch (received.message.type) {
		case MESSAGE_ACK:
			read_answers(source); /* what is acknowledged is answered already */
			acknowledge(source, &received);
			break;
		case MESSAGE_RESUME:
			resume_lane(source, &received);
			break;
		case MESSAGE_END:
			source->sink_ended = true;
			break;
		case MESSAGE_CUT:
			answer_cut(source);
			break;
		case MESSAGE_COMMITTED:
			source->kind->committed(source->state);
			break;
		default:
			die(STATUS_SOFTWARE, "unexpected message %u on the link",
				received.message.type);
		}
	}
	if (result == RECEIVE_GONE)
		on_sink_gone(source);
}

/* All that is paused, and not what was before. */
static void obey_pauses(struct source *source, const struct received *received)
{
	struct message answer = {.type = MESSAGE_PAUSED, .seq = received->message.seq};
	size_t length;
	char *text = received->fd_count == 0
			     ? NULL
			     : fd_read_all(received->fds[0], PAUSES_TEXT_MAX, &length);

	if (text == NULL || !pauses_read(&source->pauses, text, length))
		die(STATUS_SOFTWARE, "the driver's list of what is paused is unreadable");
	free(text);
	close(received->fds[0]);
	if (source->state != NULL && source->kind->pause != NULL)
		source->kind->pause(source->state);
	source->board_due = 0;
	message_send(source->stage.control, &answer, NULL, 0);
}

/* A reload has changed some settings. */
static void take_policy(struct source *source, const struct message *message)
{
	struct config *config = source->config;
	int64_t limit = (int64_t)message->page.first;
	uint32_t burst = (uint32_t)message->page.last;

	config->processor.on_failure = (enum on_failure)message->flags;
	lanes_set_depth(&source->lanes, message->depth);
	lanes_set_policy(&source->lanes, message->page.attempt, message->flags == FAILURE_STOP);
	if (limit != config->rate_limit || burst != config->rate_burst)
		rate_init(&source->rate, limit, burst, clock_ms());
	config->rate_limit = limit;
	config->rate_burst = burst;
}

/* A reload has changed how many workers there are, or their ordering. */
static void change_spread(struct source *source, const struct message *message)
{
	if (source->draining)
		return;
	source->spread_asked = message->seq;
	lanes_spread(&source->lanes,
		(struct spread){.count = message->lanes, .ordering = (enum ordering)message->flags});
}

/* Tells the driver when it has taken effect. */
static void work_spread(struct source *source)
{
	struct message answer = {.type = MESSAGE_LANES, .seq = source->spread_asked};

	if (lanes_spread_begins(&source->lanes) && source->kind->spread != NULL)
		source->kind->spread(source->state);
	if (source->spread_asked == 0 || source->lanes.closing)
		return;
	answer.lanes = source->lanes.count;
	source->spread_asked = 0;
	source->board_due = 0;
	message_send(source->stage.control, &answer, NULL, 0);
}

static void on_control(struct source *source)
{
	struct received received;
	const struct message *message = &received.message;

	while (stage_receive_control(&source->stage, &received)) {
		switch (message->type) {
		case MESSAGE_START:
			lanes_set_depth(&source->lanes, message->depth);
			source->started = true;
			break;
		case MESSAGE_POLICY:
			take_policy(source, message);
			break;
		case MESSAGE_DRAIN:
			source_drain(source, STATUS_OK);
			source->successor = (message->flags & DRAIN_RESTART) != 0;
			break;
		case MESSAGE_PAUSES:
			obey_pauses(source, &received);
			break;
		case MESSAGE_LANES:
			change_spread(source, message);
			break;
		case MESSAGE_ATTEMPT:
			lanes_attempt(&source->lanes, message->lane, message->seq,
				message->page.attempt);
			break;
		case MESSAGE_TAP:
			stage_tap(&source->lanes.taps, &received);
			break;
		default:
			die(STATUS_SOFTWARE, "unexpected message %u from the driver", message->type);
		}
	}
}

/* Before the first record is on its way to the sink. */
static void ask_for_answers(struct source *source)
{
	struct message ask = {.type = MESSAGE_ANSWERS};
	int end;

	if (source->kind->answer == NULL || source->link < 0)
		return;
	end = answers_open(&source->answers);
	message_send(source->link, &ask, &end, 1); /* EPIPE: on_link will see it */
	fd_close(&end);
}

static void on_listener(struct source *source)
{
	int peer = sock_accept(source->listener);

	if (peer < 0 && status_of_error(errno) == STATUS_TEMPFAIL && errno != EAGAIN)
		die(STATUS_TEMPFAIL, "cannot take the sink's connection: %s", strerror(errno));
	if (peer < 0)
		return;
	source->link = peer;
	fd_close(&source->listener);
	unlink(source->link_path);
	ask_for_answers(source);
}

/* ---- the board, for whoever looks at the driver */

enum { BOARD_MS = 500 };

/* Changes whenever a lane does. */
static uint64_t count_progress(const struct source *source)
{
	return page_get(source->lanes.page, COUNT_RECORDS_IN) +
	       page_get(source->lanes.page, COUNT_RECORDS_OUT) +
	       page_get(source->lanes.page, COUNT_RESENT);
}

/* Milliseconds until the board must be written, -1: not before something else happens. */
static int board_timeout(const struct source *source)
{
	if (source->board == NULL || source->board_shown == count_progress(source))
		return -1;
	return clock_left(source->board_due, clock_ms());
}

static void write_board(struct source *source)
{
	int64_t now;

	if (source->board == NULL)
		return;
	now = clock_ms();
	if (now < source->board_due)
		return;
	source->board_due = now + BOARD_MS;
	source->board_shown = count_progress(source);
	board_begin(source->board);
	lanes_show(&source->lanes, source->board, now);
	if (source->kind->show != NULL)
		source->kind->show(source->state, source->board);
	board_end(source->board, now);
}

/* Waits until something can be done. Before the kind is open, only the other descriptors count. */
static void wait_for_work(struct source *source)
{
	struct pollfd fds[LIMIT_LANES + TAPS_MAX + 8], *taps;
	size_t count = 0;
	int timeout = source->state == NULL ? -1 : source->kind->timeout(source->state);
	int input = source->state == NULL ? -1 : source->kind->descriptor(source->state);

	fds[count++] = (struct pollfd){.fd = source->stage.signals, .events = POLLIN};
	fds[count++] = (struct pollfd){.fd = source->stage.control, .events = POLLIN};
	fds[count++] = (struct pollfd){.fd = source->link, .events = POLLIN};
	fds[count++] = (struct pollfd){.fd = source->listener, .events = POLLIN};
	fds[count++] = (struct pollfd){.fd = source->answers.fd, .events = POLLIN};
	fds[count++] = (struct pollfd){.fd = input, .events = POLLIN};
	count += lanes_poll(&source->lanes, fds + count);
	taps = fds + count;
	count += taps_poll(&source->lanes.taps, taps);
	timeout = clock_shorter(timeout, board_timeout(source));
	if (source->draining)
		timeout = clock_shorter(timeout, clock_left(source->deadline, clock_ms()));
	if (source->starved)
		timeout = clock_shorter(timeout, (int)rate_wait(&source->rate, clock_ms()));
	source->starved = false;
	fd_poll(fds, count, timeout);
	taps_polled(&source->lanes.taps, taps);
	if (fds[0].revents != 0 && stage_asked_to_end(&source->stage))
		source_drain(source, STATUS_OK);
	if (fds[1].revents != 0)
		on_control(source);
	if (fds[2].revents != 0)
		on_link(source);
	if (fds[3].revents != 0)
		on_listener(source);
	if (fds[4].revents != 0)
		read_answers(source);
}

/* Whether the drain is over: all is done, or the time is up (by hand), or the sink has ended. */
static bool finished(struct source *source)
{
	bool drained;

	if (!source->draining)
		return false;
	drained = lanes_drained(&source->lanes);
	if ((drained || source->sink_ended) && source->kind->settled(source->state)) {
		if (!drained && source->status == STATUS_OK)
			source->status = STATUS_TEMPFAIL;
		return true;
	}
	/* The driver keeps the deadline of a drain that it began. It does not know of one that a refusal
	 * began, in which the last commit may never be accepted. */
	if ((source->stage.control >= 0 && source->status != STATUS_REFUSED) ||
		clock_ms() < source->deadline)
		return false;
	log_error("shutdown deadline passed with %llu records under way",
		(unsigned long long)(source->lanes.in_flight + source->lanes.aside));
	source->kind->settled(source->state);
	if (source->status != STATUS_REFUSED)
		source->status = STATUS_TEMPFAIL;
	return true;
}

static void close_down(struct source *source)
{
	struct message message = {.type = MESSAGE_CLOSING};

	/* CLOSING promises the driver that all is acknowledged and committed. */
	if (source->stage.control >= 0 && lanes_drained(&source->lanes) && source->status == STATUS_OK)
		message_send(source->stage.control, &message, NULL, 0);
	taps_close(&source->lanes.taps);
	lanes_close(&source->lanes, source->stage.control < 0 && source->status == STATUS_OK);
	if (source->state != NULL && source->kind->close != NULL)
		source->kind->close(source->state);
	if (source->listener >= 0)
		unlink(source->link_path);
}

int source_run(struct config *config, const struct source_options *options)
{
	struct source source = {.config = config,
		.link = -1,
		.listener = -1,
		.answers = {.fd = -1},
		.started = options->driver < 0,
		.limit = options->limit,
		.stop_at_end = options->stop_at_end,
		.with_keys = options->with_keys};

	stage_open(&source.stage, options->driver);
	if (options->driver >= 0)
		wire_by_driver(&source, config, options->driver);
	else
		wire_by_hand(&source, options);
	source.kind = source_kind_named(config->source.kind);
	rate_init(&source.rate, config->rate_limit, config->rate_burst, clock_ms());
	while (!source.started && !source.draining)
		wait_for_work(&source);
	if (source.started) {
		ask_for_answers(&source);
		source.state = source.kind->open(&source);
	}
	while (source.started && !finished(&source)) {
		wait_for_work(&source);
		source.lanes.turn_ms = clock_ms();
		source.kind->work(source.state);
		work_spread(&source);
		announce_drain(&source);
		write_board(&source);
		if (!lanes_write(&source.lanes))
			on_reader_gone(&source);
		taps_flush(&source.lanes.taps);
	}
	source.board_due = 0;
	if (source.state != NULL)
		write_board(&source);
	close_down(&source);
	if (source.unread && source.status == STATUS_TEMPFAIL)
		signals_die(SIGPIPE);
	return source.status;
}
