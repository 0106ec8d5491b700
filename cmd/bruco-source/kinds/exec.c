/*
 * The exec source: records are what a program prints. What it has printed can't be read again, so that a record
 * is delivered at most once. When the program has ended, what it printed before is taken; then it is started
 * again, or that is the end of the input.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "bruco-source/kinds/stream.h"
#include "config/environment.h"
#include "subprocess/subprocess.h"

enum {
	AGAIN_MS = 1000,  /* from a good end to the next start */
	SILENT_MS = 5000, /* it has closed its standard output, and does not end */
	NET_MS = 1000     /* an acknowledgement wakes us sooner */
};

struct exec_source {
	struct source *source;
	const struct source_config *config;
	struct subprocess program;
	struct stream stream;
	struct partition partition;
	bool more;  /* the budget was used up */
	bool ended; /* the program has, and not all of its output is taken */
	bool over;  /* no other one follows */
	bool lost;  /* what it prints, since nobody takes it any more */
};

/* ---- beginning */

/* The first time whoever starts us learns why; later it is one more failure. */
static bool start(struct exec_source *exec)
{
	char why[SUBPROCESS_TEXT_MAX];

	if (subprocess_start(&exec->program))
		return true;
	if (!exec->source->stage.ready)
		die(status_of_error(errno) == STATUS_TEMPFAIL ? STATUS_TEMPFAIL : STATUS_CONFIG,
			"cannot run '%s': %s", exec->config->command.items[0], strerror(errno));
	snprintf(why, sizeof why, "can't be run: %s", strerror(errno));
	return subprocess_failed(&exec->program, exec->source->config->max_restarts, why, "");
}

static void *exec_open(struct source *source)
{
	struct exec_source *exec = mem_alloc(sizeof *exec);
	const struct source_config *config = &source->config->source;

	exec->source = source;
	exec->config = config;
	subprocess_init(&exec->program, &config->command,
		environment_of_program(source->config, &config->program_env), SUBPROCESS_PRINTS, source->config);
	exec->partition.topic = mem_text(exec->program.name);
	exec->partition.topic_length = (uint32_t)strlen(exec->partition.topic);
	tracker_begin(&exec->partition.tracker);
	stream_init(&exec->stream, source, &exec->partition, config->format, exec->program.name);
	exec->stream.passes_bad = exec->stream.draining_too = true;
	start(exec);
	log_info("what '%s' prints is delivered at most once: what is under way is lost when Bruco is killed",
		exec->program.name);
	stage_ready(&source->stage);
	return exec;
}

/* ---- what it prints */

/* While the source drains, all that the program has printed is still taken. */
static bool rests(const struct exec_source *exec)
{
	return source_taking(exec->source) && source_is_paused(exec->source, exec->partition.topic, 0);
}

/* Not after -n, and not when something has failed. */
static bool is_wanted(const struct exec_source *exec)
{
	const struct source *source = exec->source;

	return source_taking(source) || (source->limit != 0 && source->status == STATUS_OK);
}

static void lose(struct exec_source *exec)
{
	if (!exec->lost && exec->source->limit != 0)
		log_warning("what '%s' has printed and is not delivered is lost", exec->program.name);
	exec->lost = true;
}

/* False: there is nothing more now. */
static bool read_more(struct exec_source *exec)
{
	struct buf *buf = &exec->stream.buf;
	uint8_t *room;
	ssize_t got;

	if (exec->program.out < 0)
		return false;
	room = stream_room(&exec->stream);
	if (room == NULL)
		return false;
	got = read(exec->program.out, room, STREAM_CHUNK);
	if (got > 0) {
		buf->length += (size_t)got;
		return true;
	}
	if (got < 0 && errno == EINTR)
		return false;
	if (got == 0 || errno != EAGAIN || exec->ended) {
		subprocess_close_out(&exec->program);
		subprocess_end(&exec->program, SILENT_MS);
	}
	return false;
}

/* Whether all that was read is taken, but for what is no record yet. */
static bool dispatch(struct exec_source *exec)
{
	bool last = exec->ended && exec->program.out < 0 && subprocess_was_good(&exec->program);
	enum stream_result result = stream_dispatch(&exec->stream, last);

	exec->more = result == STREAM_MORE;
	return result == STREAM_DRY || result == STREAM_OVER;
}

/* Whether there is nothing more of the program that has ended. */
static bool take(struct exec_source *exec)
{
	exec->more = false;
	if (!is_wanted(exec)) {
		lose(exec);
		subprocess_close_out(&exec->program);
		return exec->ended;
	}
	if (rests(exec) || !stream_relaxed(&exec->stream) || !dispatch(exec))
		return false;
	if (read_more(exec))
		dispatch(exec);
	return exec->ended && exec->program.out < 0 && !exec->more && !exec->stream.full && dispatch(exec);
}

/* ---- its end */

static void give_up(struct exec_source *exec)
{
	stage_final(&exec->source->stage);
	exec->over = true;
	source_drain(exec->source, STATUS_TEMPFAIL);
}

static void fail(struct exec_source *exec)
{
	char how[SUBPROCESS_TEXT_MAX];

	subprocess_death(&exec->program, how);
	if (exec->config->restart == RESTART_NEVER)
		log_error("'%s' %s", exec->program.name, how);
	else if (subprocess_failed(&exec->program, exec->source->config->max_restarts, how, ""))
		return;
	give_up(exec);
}

/* The rest of a good program's output is a line, or a torn frame, which is an error. */
static void cut_rest(struct exec_source *exec)
{
	size_t left;

	if (subprocess_was_good(&exec->program) && source_taking(exec->source))
		stream_end(&exec->stream);
	left = stream_cut(&exec->stream);
	if (left > 0 && is_wanted(exec))
		log_warning("'%s' ended within a record: the %zu bytes of it that it had printed are dropped",
			exec->program.name, left);
}

static void program_ended(struct exec_source *exec)
{
	bool good = subprocess_was_good(&exec->program);

	exec->ended = false;
	cut_rest(exec);
	if (!source_taking(exec->source)) {
		exec->over = true;
	} else if (!good) {
		fail(exec);
	} else if (exec->config->restart == RESTART_ALWAYS && !exec->source->stop_at_end) {
		log_debug("'%s' ended with status 0", exec->program.name);
		subprocess_succeeded(&exec->program, AGAIN_MS);
	} else {
		exec->over = true;
		source_end(exec->source);
	}
}

/* ---- the kind */

static void exec_work(void *state)
{
	struct exec_source *exec = state;

	if (exec->over)
		return;
	if (!source_taking(exec->source))
		subprocess_end(&exec->program, 0);
	if (subprocess_work(&exec->program))
		exec->ended = true;
	if (take(exec))
		program_ended(exec);
	if (!exec->over && !exec->ended && subprocess_is_due(&exec->program) && source_taking(exec->source) &&
		!start(exec))
		give_up(exec);
	if (!exec->ended && !subprocess_runs(&exec->program) && !source_taking(exec->source))
		exec->over = true; /* it was to be started again */
	subprocess_watch(&exec->program, false, !exec->stream.full && !rests(exec));
}

static int exec_descriptor(void *state)
{
	return ((struct exec_source *)state)->program.epoll;
}

static int exec_timeout(void *state)
{
	const struct exec_source *exec = state;
	int timeout = subprocess_timeout(&exec->program);

	if (exec->more)
		return 0;
	if (exec->stream.full || rests(exec))
		return clock_shorter(timeout, NET_MS);
	if (exec->ended)
		return 0;
	if (!subprocess_runs(&exec->program) && !exec->over)
		return clock_left(exec->program.start_due, clock_ms());
	return timeout;
}

static bool exec_settled(void *state)
{
	return ((struct exec_source *)state)->over;
}

static void exec_close(void *state)
{
	struct exec_source *exec = state;

	if (!exec->over)
		lose(exec);
	subprocess_kill(&exec->program);
}

const struct source_kind kind_exec = {.name = "exec",
	.open = exec_open,
	.descriptor = exec_descriptor,
	.timeout = exec_timeout,
	.work = exec_work,
	.settled = exec_settled,
	.close = exec_close};
