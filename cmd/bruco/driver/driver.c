#include "bruco/driver/driver.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/cgroup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/signals.h"
#include "base/status.h"

enum { LAST_WORDS_MS = 1000 };

uint32_t pipeline_stage_count(const struct pipeline *pipeline)
{
	return 2 + pipeline->lane_count;
}

struct stage *pipeline_stage(struct pipeline *pipeline, uint32_t index)
{
	if (index == 0)
		return &pipeline->source;
	return index == 1 ? &pipeline->sink : &pipeline->lanes[index - 2].stage;
}

/* ---- what stages send */

/* Of the stages from `first` on; 1 leaves out the source, which waits for the others. */
static bool all_ready(struct pipeline *pipeline, uint32_t first)
{
	for (uint32_t i = first; i < pipeline_stage_count(pipeline); i++)
		if (!pipeline_stage(pipeline, i)->ready && (i < 2 || !pipeline->lanes[i - 2].gone))
			return false;
	return true;
}

static void ready(struct pipeline *pipeline, struct stage *stage, struct lane *lane)
{
	stage->ready = true;
	relay_log(&pipeline->relay, LEVEL_DEBUG, "%s is ready", stage->name);
	if (lane != NULL) {
		lane->failures = 0;
		watch_begin(&lane->watch, clock_ms());
		pipeline->ever_ready = true;
		relay_let_go(&pipeline->relay);
	}
	if (pipeline->state == STATE_STARTING && !pipeline->source_started &&
		all_ready(pipeline, 1)) {
		struct message start = {.type = MESSAGE_START};

		pipeline->source_started = true;
		stage_send(&pipeline->source, &start, NULL, 0);
	}
	if (all_ready(pipeline, 0))
		pipeline_fire(pipeline, &(struct happening){.event = EVENT_READY});
}

static void broken(struct pipeline *pipeline, const struct message *message)
{
	struct lane *lane;

	if (message->lane >= pipeline->lane_count)
		return;
	lane = &pipeline->lanes[message->lane];
	if (lane->stage.pid == 0 || lane->life != message->life)
		return; /* that life is over already */
	relay_log(&pipeline->relay, LEVEL_WARNING,
		"worker %u wrote something that is no frame, killing it", message->lane);
	stage_kill(&lane->stage);
}

/* One that finds no room is dropped: the next attempt says more. */
static void pass_attempt(
	struct pipeline *pipeline, const struct lane *lane, const struct message *message)
{
	struct message attempt = {.type = MESSAGE_ATTEMPT,
		.lane = (uint32_t)(lane - pipeline->lanes),
		.seq = message->seq,
		.page = {.attempt = message->page.attempt}};

	if (pipeline->source.control >= 0 && pipeline->source.outbox_count == 0)
		stage_send(&pipeline->source, &attempt, NULL, 0);
}

static void handle_message(struct pipeline *pipeline, struct stage *stage, struct lane *lane,
	const struct message *message)
{
	if (message->type == MESSAGE_READY && !stage->ready)
		ready(pipeline, stage, lane);
	else if (message->type == MESSAGE_RECYCLE && lane != NULL)
		lane->recycles = true;
	else if (message->type == MESSAGE_CLOSING && stage == &pipeline->source)
		pipeline_fire(pipeline, &(struct happening){.event = EVENT_CLOSING});
	else if (message->type == MESSAGE_BROKEN && stage == &pipeline->sink)
		broken(pipeline, message);
	else if (message->type == MESSAGE_ATTEMPT && lane != NULL)
		pass_attempt(pipeline, lane, message);
}

void pipeline_read_control(struct pipeline *pipeline, uint32_t index)
{
	struct stage *stage = pipeline_stage(pipeline, index);
	struct lane *lane = index < 2 ? NULL : &pipeline->lanes[index - 2];
	struct message message;
	int fds[SOCK_FDS_MAX];
	size_t fd_count, ack_count;
	const struct ack *acks;

	while (stage->control >= 0) {
		int got = control_receive(
			stage->control, &message, fds, &fd_count, &acks, &ack_count);

		if (got < 0 && errno == EAGAIN)
			return;
		if (got == 0)
			fd_close(&stage->control);
		if (got <= 0)
			continue;
		while (fd_count > 0)
			close(fds[--fd_count]);
		handle_message(pipeline, stage, lane, &message);
	}
}

static bool nothing_runs(struct pipeline *pipeline)
{
	if (pipeline->deaths[0].due || pipeline->deaths[1].due)
		return false;
	for (uint32_t i = 0; i < pipeline_stage_count(pipeline); i++)
		if (pipeline_stage(pipeline, i)->pid != 0)
			return false;
	return true;
}

/* ---- signals and time */

static void take_signal(struct pipeline *pipeline, int number)
{
	struct happening happening = {
		.event = EVENT_SIGNAL, .status = STATUS_TEMPFAIL, .signal = number};
	char text[TEXT_MAX];

	if (number == SIGHUP && pipeline->signals > 0)
		return; /* the terminal went away while it stops already */
	if (pipeline->signals++ > 0)
		happening.event = EVENT_SECOND_SIGNAL;
	snprintf(text, sizeof text, "SIG%s", sigabbrev_np(number));
	if (happening.event == EVENT_SIGNAL &&
		(pipeline->state == STATE_RESTARTING || pipeline->state == STATE_WAITING))
		snprintf(text, sizeof text, "SIG%s before it was restarted: %.200s",
			sigabbrev_np(number), pipeline->last_death);
	happening.text = text;
	pipeline_fire(pipeline, &happening);
}

static void take_signals(struct pipeline *pipeline)
{
	bool children = false;
	int number;

	while ((number = signals_next(pipeline->signal_fd)) != 0)
		if (number == SIGCHLD)
			children = true;
		else
			take_signal(pipeline, number);
	if (children)
		pipeline_reap(pipeline);
}

static bool lanes_may_start(const struct pipeline *pipeline)
{
	return pipeline->state == STATE_STARTING || pipeline->state == STATE_RUNNING ||
	       pipeline->state == STATE_DRAINING;
}

/* By themselves, without another word from us. */
static bool all_shall_end(const struct pipeline *pipeline)
{
	return pipeline_is_over(pipeline) || pipeline->state == STATE_SETTLING ||
	       pipeline->state == STATE_RESTARTING;
}

static bool all_are_killed(const struct pipeline *pipeline)
{
	return pipeline->state == STATE_CLEARING || pipeline->state == STATE_KILLING;
}

static void describe_stuck(char text[TEXT_MAX], const struct stage *stage)
{
	snprintf(text, TEXT_MAX, "%s (process %d) does not end, though it was killed", stage->name,
		(int)stage->pid);
}

/* The deadline of the state. */
static void time_is_up(struct pipeline *pipeline)
{
	char text[TEXT_MAX], duration[32];
	struct happening happening = {
		.event = EVENT_TIMEOUT, .status = STATUS_TEMPFAIL, .text = text};

	pipeline->deadline = -1;
	snprintf(text, sizeof text, "the shutdown timeout of %s passed with work left",
		pipeline_duration(pipeline->config->shutdown_timeout_ms, duration));
	for (uint32_t i = 0; i < pipeline_stage_count(pipeline); i++) {
		const struct stage *stage = pipeline_stage(pipeline, i);

		if (stage->pid != 0 && !stage->killed && all_shall_end(pipeline))
			relay_log(&pipeline->relay, LEVEL_WARNING,
				"%s has nothing left to do but does not end, killing it",
				stage->name);
		if (stage->pid != 0 && all_are_killed(pipeline))
			describe_stuck(text, stage);
	}
	pipeline_fire(pipeline, &happening);
}

/* What was killed and does not die. */
static void tell_stuck(struct pipeline *pipeline, int64_t now_ms)
{
	char text[TEXT_MAX];
	struct happening happening = {
		.event = EVENT_STUCK, .status = STATUS_TEMPFAIL, .text = text};

	for (uint32_t i = 0; i < pipeline_stage_count(pipeline); i++) {
		struct stage *stage = pipeline_stage(pipeline, i);
		int64_t deadline = stage_kill_deadline(stage);

		if (deadline < 0 || now_ms < deadline || stage->stuck)
			continue;
		stage->stuck = true;
		describe_stuck(text, stage);
		pipeline_fire(pipeline, &happening);
	}
}

static void tick(struct pipeline *pipeline)
{
	int64_t now = clock_ms();

	pipeline_judge_ends(pipeline, now);
	pipeline_watch(pipeline, now);
	for (uint32_t i = 0; i < pipeline->lane_count; i++) {
		struct lane *lane = &pipeline->lanes[i];

		if (lane->start_at >= 0 && now >= lane->start_at && lanes_may_start(pipeline))
			pipeline_start_lane(pipeline, lane);
	}
	for (uint32_t i = 0; i < pipeline_stage_count(pipeline); i++)
		for (int j = 0; j < STAGE_STREAMS; j++)
			stream_tick(
				&pipeline_stage(pipeline, i)->streams[j], &pipeline->relay, now);
	relay_tick(&pipeline->relay, now);
	tell_stuck(pipeline, now);
	if (pipeline->deadline >= 0 && now >= pipeline->deadline)
		time_is_up(pipeline);
	if (nothing_runs(pipeline))
		pipeline_fire(pipeline, &(struct happening){.event = EVENT_REAPED});
}

static void sooner(int64_t *deadline, int64_t other)
{
	if (other >= 0 && (*deadline < 0 || other < *deadline))
		*deadline = other;
}

static int next_tick(struct pipeline *pipeline)
{
	int64_t deadline = pipeline->deadline;

	if (lanes_may_start(pipeline))
		for (uint32_t i = 0; i < pipeline->lane_count; i++)
			sooner(&deadline, pipeline->lanes[i].start_at);
	for (uint32_t i = 0; i < pipeline_stage_count(pipeline); i++) {
		const struct stage *stage = pipeline_stage(pipeline, i);

		for (int j = 0; j < STAGE_STREAMS; j++)
			sooner(&deadline, stream_deadline(&stage->streams[j]));
		if (!stage->stuck)
			sooner(&deadline, stage_kill_deadline(stage));
	}
	for (int i = 0; i < 2; i++)
		if (pipeline->deaths[i].due)
			sooner(&deadline, pipeline->deaths[i].at + CAUSE_MS);
	sooner(&deadline, pipeline_watch_deadline(pipeline));
	sooner(&deadline, relay_deadline(&pipeline->relay));
	return clock_left(deadline, clock_ms());
}

/* ---- the loop */

enum { POLL_SIGNALS, POLL_OUTLET, POLL_STAGES };

static void wait_and_serve(struct pipeline *pipeline, struct pollfd *polls)
{
	nfds_t count = POLL_STAGES;
	struct pollfd *at;

	polls[POLL_SIGNALS] = (struct pollfd){.fd = pipeline->signal_fd, .events = POLLIN};
	polls[POLL_OUTLET] = outlet_poll(&pipeline->relay.outlet);
	for (uint32_t i = 0; i < pipeline_stage_count(pipeline); i++) {
		const struct stage *stage = pipeline_stage(pipeline, i);

		for (int j = 0; j < STAGE_STREAMS; j++)
			polls[count++] =
				(struct pollfd){.fd = stage->streams[j].fd, .events = POLLIN};
		polls[count++] = (struct pollfd){.fd = stage->control,
			.events = (short)(POLLIN | (stage->outbox_count > 0 ? POLLOUT : 0))};
	}
	if (fd_poll(polls, count, next_tick(pipeline)) < 0)
		return;

	if (polls[POLL_OUTLET].revents != 0)
		outlet_write(&pipeline->relay.outlet);
	at = &polls[POLL_STAGES];
	for (uint32_t i = 0; i < pipeline_stage_count(pipeline); i++) {
		struct stage *stage = pipeline_stage(pipeline, i);

		for (int j = 0; j < STAGE_STREAMS; j++, at++)
			if (at->revents != 0)
				stream_read(&stage->streams[j], &pipeline->relay);
		if (at->revents & POLLOUT)
			stage_flush(stage);
		if (at->revents & ~POLLOUT)
			pipeline_read_control(pipeline, i);
		at++;
	}
	if (polls[POLL_SIGNALS].revents != 0)
		take_signals(pipeline);
}

static void pipeline_init(struct pipeline *pipeline, const struct config *config, const char *venv,
	bool stop_at_end, int signal_fd)
{
	*pipeline = (struct pipeline){.config = config,
		.signal_fd = signal_fd,
		.deadline = -1,
		.oom_kills = cgroup_oom_kills(""),
		.lane_count = config->processor.workers};
	launch_init(&pipeline->launch, config, venv, stop_at_end);
	relay_init(&pipeline->relay, STDERR_FILENO);
	relay_hold(&pipeline->relay);
	restarts_init(&pipeline->restarts, config->max_restarts);
	stage_init(&pipeline->source, ROLE_SOURCE, 0);
	stage_init(&pipeline->sink, ROLE_SINK, 0);
	pipeline->lanes = mem_array(pipeline->lane_count, sizeof *pipeline->lanes);
	for (uint32_t i = 0; i < pipeline->lane_count; i++) {
		stage_init(&pipeline->lanes[i].stage, ROLE_WORKER, i);
		pipeline->lanes[i].start_at = -1;
	}
	/* What a handler started and left behind is ours to bury. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

static void pipeline_release(struct pipeline *pipeline)
{
	relay_let_go(&pipeline->relay);
	outlet_flush(&pipeline->relay.outlet, LAST_WORDS_MS);
	relay_release(&pipeline->relay);
	for (uint32_t i = 0; i < pipeline_stage_count(pipeline); i++)
		stage_release(pipeline_stage(pipeline, i));
	free(pipeline->lanes);
	restarts_release(&pipeline->restarts);
	launch_release(&pipeline->launch);
}

/* The last lines, and the last word about the status: 0 says that nothing is missing. */
static void say_how_it_ended(struct pipeline *pipeline)
{
	struct relay *relay = &pipeline->relay;

	if (pipeline->unread && pipeline->signal == 0) {
		pipeline->signal = SIGPIPE;
		relay_log(relay, LEVEL_INFO, "%s", pipeline->reason);
		return;
	}
	if (pipeline->unfinished > 0) {
		relay_log(relay, LEVEL_ERROR,
			"lost: %" PRIu64
			" records, read from standard input and not known to be delivered",
			pipeline->unfinished);
		if (pipeline->status == STATUS_OK && pipeline->signal == 0) {
			pipeline->status = STATUS_TEMPFAIL;
			snprintf(pipeline->reason, sizeof pipeline->reason,
				"stopped with work left");
		}
	}
	if (pipeline->signal != 0 || pipeline->status != 0)
		relay_log(relay, LEVEL_ERROR, "%s", pipeline->reason);
	else
		relay_log(relay, LEVEL_INFO, "done");
}

int pipeline_run(const struct config *config, const char *venv, bool stop_at_end, int signal_fd,
	int *signal_number)
{
	struct pipeline pipeline;
	struct pollfd *polls;

	pipeline_init(&pipeline, config, venv, stop_at_end, signal_fd);
	polls = mem_array(
		POLL_STAGES + (size_t)pipeline_stage_count(&pipeline) * (STAGE_STREAMS + 1),
		sizeof *polls);
	/* Nothing runs yet and the wait is over: the table's own way to begin. */
	pipeline.state = STATE_WAITING;
	pipeline_fire(&pipeline, &(struct happening){.event = EVENT_TIMEOUT});
	while (pipeline.state != STATE_DONE) {
		wait_and_serve(&pipeline, polls);
		tick(&pipeline);
	}

	relay_let_go(&pipeline.relay);
	say_how_it_ended(&pipeline);
	*signal_number = pipeline.signal;
	free(polls);
	pipeline_release(&pipeline);
	return pipeline.signal != 0 ? 0 : pipeline.status;
}
