/* What the table's actions are: the only place where the driver does something to its stages. */
#include "bruco/driver/driver.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/status.h"
#include "bruco/driver/service_notify.h"

enum { PIPE_MOST = 1 << 20, PIPES_TOGETHER = 32 << 20 };

static void keep_status(struct pipeline *pipeline, const struct happening *happening)
{
	if (pipeline->status != 0)
		return;
	pipeline->status = happening->status;
	pipeline->unread = happening->unread;
	snprintf(pipeline->reason, sizeof pipeline->reason, "%s", happening->text);
}

static void keep_signal(struct pipeline *pipeline, const struct happening *happening)
{
	pipeline->signal = happening->signal;
	snprintf(pipeline->reason, sizeof pipeline->reason, "killed by a second %s",
		happening->text);
}

static void say_ready(struct pipeline *pipeline, const struct happening *happening)
{
	(void)happening;
	pipeline->was_ready = true;
	relay_log(&pipeline->relay, LEVEL_INFO, "ready");
	notify("READY=1");
}

static void cut(struct pipeline *pipeline, struct lane *lane)
{
	struct message message = {.type = MESSAGE_LANE,
		.life = lane->life,
		.status = lane->death,
		.lane = (uint32_t)(lane - pipeline->lanes),
		.flags = lane->overdue ? LANE_TIMED_OUT : 0,
		.page = lane->page};

	if (lane->gone)
		return;
	lane->gone = true;
	lane->start_at = -1;
	stage_send(&pipeline->sink, &message, NULL, 0);
}

static void cut_lane(struct pipeline *pipeline, const struct happening *happening)
{
	cut(pipeline, happening->lane);
}

/* 64 MiB of pipe buffers are all that an unprivileged user has. */
static int pipe_size(uint32_t lanes)
{
	int share = PIPES_TOGETHER / (2 * (int)lanes);

	return share < PIPE_MOST ? share : PIPE_MOST;
}

static bool open_pipes(const struct pipeline *pipeline, int in[2], int out[2])
{
	int size = pipe_size(pipeline->lane_count);

	return fd_pipe(in, size) == 0 && fd_pipe(out, size) == 0;
}

/* For somebody who closes it. */
static int take(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

void pipeline_start_lane(struct pipeline *pipeline, struct lane *lane)
{
	uint32_t number = (uint32_t)(lane - pipeline->lanes);
	struct message message = {.type = MESSAGE_LANE,
		.lane = number,
		.life = lane->life,
		.status = lane->death,
		.flags = lane->overdue ? LANE_TIMED_OUT : 0,
		.page = lane->page};
	int in[2] = {-1, -1}, out[2] = {-1, -1};
	char text[TEXT_MAX];
	int error;

	lane->start_at = -1;
	lane->recycles = false;
	lane->overdue = false;
	if (open_pipes(pipeline, in, out) &&
		stage_start(&lane->stage, &pipeline->launch, number, lane->life,
			(const int[]){take(&in[0]), take(&out[1])}, 2) == 0) {
		stage_send(&pipeline->sink, &message, (const int[]){in[1], out[0]}, 2);
		if (pipeline->state == STATE_DRAINING)
			stage_send(&lane->stage, &(struct message){.type = MESSAGE_DRAIN}, NULL, 0);
		return;
	}
	error = errno;
	for (int i = 0; i < 2; i++) {
		fd_close(&in[i]);
		fd_close(&out[i]);
	}
	snprintf(text, sizeof text, "worker %u cannot be started: %s", number, strerror(error));
	lane->failures++;
	pipeline_worker_died(pipeline, lane, text, true);
}

const char *pipeline_duration(int64_t ms, char text[32])
{
	bool seconds = ms % 1000 == 0;

	snprintf(text, 32, "%lld%s", (long long)(seconds ? ms / 1000 : ms), seconds ? "s" : "ms");
	return text;
}

static void replace(struct pipeline *pipeline, const struct happening *happening)
{
	struct lane *lane = happening->lane;
	int64_t wait = back_off_ms(lane->failures);
	char text[32];

	lane->start_at = clock_ms() + wait;
	if (happening->event == EVENT_WORKER_RECYCLED) {
		pipeline_start_lane(pipeline, lane); /* the worker itself has said why */
	} else if (wait > 0) {
		relay_log(&pipeline->relay, LEVEL_WARNING, "%s, restarting in %s", happening->text,
			pipeline_duration(wait, text));
	} else {
		relay_log(&pipeline->relay, LEVEL_WARNING, "%s, restarting", happening->text);
		pipeline_start_lane(pipeline, lane);
	}
}

static void drain(struct pipeline *pipeline, const struct happening *happening)
{
	struct message message = {.type = MESSAGE_DRAIN};

	relay_log(&pipeline->relay, LEVEL_INFO, "stopping: %s", happening->text);
	notify("STOPPING=1");
	stage_send(&pipeline->source, &message, NULL, 0);
	for (uint32_t i = 0; i < pipeline->lane_count; i++) {
		struct lane *lane = &pipeline->lanes[i];

		stage_send(&lane->stage, &message, NULL, 0);
		if (lane->start_at >= 0) /* one last time, without the rest of its back-off */
			lane->start_at = clock_ms();
	}
}

static void arm(struct pipeline *pipeline, const struct happening *happening)
{
	(void)happening;
	if (pipeline->deadline < 0)
		pipeline->deadline = clock_ms() + pipeline->config->shutdown_timeout_ms;
}

static void kill_unready(struct pipeline *pipeline, const struct happening *happening)
{
	(void)happening;
	for (uint32_t i = 0; i < pipeline->lane_count; i++)
		if (!pipeline->lanes[i].stage.ready)
			stage_kill(&pipeline->lanes[i].stage);
}

static void kill_workers(struct pipeline *pipeline, const struct happening *happening)
{
	(void)happening;
	for (uint32_t i = 0; i < pipeline->lane_count; i++) {
		struct lane *lane = &pipeline->lanes[i];

		/* The sink reads a dead worker's pipe out; so those that live are told of later. */
		if (lane->stage.pid != 0)
			stage_kill(&lane->stage);
		else
			cut(pipeline, lane);
	}
	pipeline->deadline = clock_ms() + GRACE_MS;
}

static void kill_all(struct pipeline *pipeline, const struct happening *happening)
{
	(void)happening;
	pipeline->deadline = clock_ms() + KILL_MS;
	stage_kill(&pipeline->source);
	stage_kill(&pipeline->sink);
	for (uint32_t i = 0; i < pipeline->lane_count; i++) {
		pipeline->lanes[i].start_at = -1;
		stage_kill(&pipeline->lanes[i].stage);
	}
}

static void abandon(struct pipeline *pipeline, const struct happening *happening)
{
	(void)happening;
	for (uint32_t i = 0; i < pipeline_stage_count(pipeline); i++) {
		struct stage *stage = pipeline_stage(pipeline, i);

		if (stage->pid == 0)
			continue;
		relay_log(&pipeline->relay, LEVEL_ERROR,
			"%s (process %d) was killed and does not end, leaving it", stage->name,
			(int)stage->pid);
		stage_reaped(stage, &pipeline->relay);
	}
}

/*
 * Source or sink is dead, and workers are of no use any more. Whoever is left of the two finishes
 * what it can without them: what is delivered is acknowledged, what is acknowledged is committed,
 * and a consumer group is left, unless the next start takes over the place in it.
 */
static void settle(struct pipeline *pipeline, const struct happening *happening)
{
	struct message message = {.type = MESSAGE_DRAIN,
		.flags = pipeline->state == STATE_RESTARTING ? DRAIN_RESTART : 0};

	(void)happening;
	stage_send(&pipeline->source, &message, NULL, 0);
	for (uint32_t i = 0; i < pipeline->lane_count; i++) {
		pipeline->lanes[i].start_at = -1;
		stage_kill(&pipeline->lanes[i].stage);
	}
	pipeline->deadline = clock_ms() + SETTLE_MS;
}

static void back_off(struct pipeline *pipeline, const struct happening *happening)
{
	int64_t now = clock_ms();

	(void)happening;
	/* Who became ready did not fail to start: maxRestarts is the guard against dying soon
	 * after. */
	if (pipeline->was_ready)
		pipeline->failures = 0;
	pipeline->deadline = now + back_off_ms(++pipeline->failures);
}

static void start(struct pipeline *pipeline, const struct happening *happening)
{
	struct stage *const ends[] = {&pipeline->source, &pipeline->sink};
	char text[TEXT_MAX];
	int link[2];

	(void)happening;
	pipeline->deadline = -1;
	pipeline->was_ready = false;
	pipeline->source_started = false;
	if (sock_pair(link) < 0) {
		snprintf(text, sizeof text, "the link cannot be made: %s", strerror(errno));
		pipeline_stage_died(pipeline, text);
		return;
	}
	for (int i = 0; i < 2; i++) {
		if (stage_start(ends[i], &pipeline->launch, 0, 0, &link[i], 1) == 0)
			continue;
		snprintf(text, sizeof text, "%s cannot be started: %s", ends[i]->name,
			strerror(errno));
		if (i == 0)
			close(link[1]);
		pipeline_stage_died(pipeline, text);
		return;
	}
	for (uint32_t i = 0; i < pipeline->lane_count; i++) {
		struct lane *lane = &pipeline->lanes[i];

		lane->life = 0;
		lane->failures = 0;
		lane->gone = false;
		lane->death = 0;
		lane->overdue = false;
		lane->page = (struct page_snapshot){0};
		lane->deadly = (struct event_mark){0};
		pipeline_start_lane(pipeline, lane);
	}
}

static void (*const actions[ACTION_COUNT])(struct pipeline *, const struct happening *) = {
	keep_status, keep_signal, say_ready, cut_lane, replace, drain, arm, kill_unready,
	kill_workers, settle, kill_all, abandon, back_off, start};

void pipeline_fire(struct pipeline *pipeline, const struct happening *happening)
{
	struct supervise_step step = supervise(pipeline->state, happening->event);

	if (step.next != pipeline->state)
		relay_log(&pipeline->relay, LEVEL_DEBUG, "%s: from %s to %s",
			supervise_event_name(happening->event),
			supervise_state_name(pipeline->state), supervise_state_name(step.next));
	pipeline->state = step.next;
	for (int i = 0; i < ACTION_COUNT; i++)
		if (step.actions & 1U << i)
			actions[i](pipeline, happening);
}

void pipeline_worker_died(
	struct pipeline *pipeline, struct lane *lane, const char *text, bool counts)
{
	struct happening happening = {
		.event = EVENT_WORKER_DIED, .lane = lane, .status = STATUS_TEMPFAIL, .text = text};
	bool replaced = supervise(pipeline->state, EVENT_WORKER_DIED).actions & ACTION_REPLACE;
	char spent[TEXT_MAX];

	if (pipeline->state == STATE_DRAINING && lane->failures > 0) {
		/* A stop waits for no back-off. What the lane holds is left for the next start. */
		snprintf(spent, sizeof spent, "a stop before it could start again: %.200s", text);
		happening.event = EVENT_WORKER_LOST;
		happening.status = pipeline->source_started ? STATUS_TEMPFAIL : STATUS_OK;
		happening.text = spent;
	} else if (replaced && counts && !restarts_take(&pipeline->restarts, clock_ms())) {
		snprintf(spent, sizeof spent, "%u restarts in %d s are used up: %.180s",
			pipeline->restarts.most, RESTART_WINDOW_MS / 1000, text);
		happening.event = EVENT_WORKER_LOST;
		happening.text = spent;
	}
	pipeline_fire(pipeline, &happening);
}

void pipeline_stage_died(struct pipeline *pipeline, const char *text)
{
	struct happening happening = {
		.event = EVENT_STAGE_DIED, .status = STATUS_TEMPFAIL, .text = text};
	bool restarts = supervise(pipeline->state, EVENT_STAGE_DIED).next == STATE_RESTARTING &&
			pipeline->state != STATE_RESTARTING;
	char spent[TEXT_MAX];

	if (restarts && pipeline->source_started && !pipeline_rewinds(pipeline)) {
		snprintf(spent, sizeof spent, "%.180s, and standard input can't be read again",
			text);
		happening.event = EVENT_FATAL;
		happening.text = spent;
	} else if (restarts && !restarts_take(&pipeline->restarts, clock_ms())) {
		snprintf(spent, sizeof spent, "%u restarts in %d s are used up: %.180s",
			pipeline->restarts.most, RESTART_WINDOW_MS / 1000, text);
		happening.event = EVENT_FATAL;
		happening.text = spent;
	} else if (restarts) {
		snprintf(pipeline->last_death, sizeof pipeline->last_death, "%.200s", text);
		relay_log(&pipeline->relay, LEVEL_WARNING, "%s, restarting the pipeline", text);
	}
	pipeline_fire(pipeline, &happening);
}
