/*
 * The exec sink: a program reads records from its standard input. It is written to in the order of the queue;
 * when it has failed, what is not acknowledged is written to the next one.
 *
 * What acknowledges a record is sink.acknowledge: that it is written; that the program says `ok`; or, for a
 * program that gets a batch and the end of its input, that it exits with 0.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/printable.h"
#include "base/status.h"
#include "base/text.h"
#include "bruco-sink/kinds/exec_queue.h"
#include "bruco-sink/kinds/record_form.h"
#include "bruco-sink/tickets.h"
#include "config/environment.h"
#include "subprocess/subprocess.h"

enum {
	QUEUE_MAX = 4 << 20, /* bytes; or one record, if that is more */
	WRITES_AT_ONCE = 16,
	ANSWER_MAX = 64,     /* bytes of a line that says ok */
	FAIL_MS = 10000,     /* for what the program has, when something has failed */
	MUTE_MS = 5000       /* it has closed an end, and does not end itself */
};

struct exec_sink {
	struct destination *destination;
	struct sink *sink;
	const struct sink_config *config;
	enum acknowledgement mode;
	struct subprocess program;
	struct exec_queue queue;
	size_t batch;      /* records of the queue that this program gets; others are for the next one */
	bool batch_closed; /* no more go into it */
	int64_t batch_due; /* clock_ms: when it is closed at the latest */
	bool input_ended;  /* nothing comes for another batch */
	char answer[ANSWER_MAX + 1];
	size_t answer_length;
	bool deaf;         /* the program has closed its standard input */
	bool closing;
	bool over;         /* given up */
};

/* ---- starting, and failing */

static void give_up(struct exec_sink *exec)
{
	exec->over = true;
	exec->sink->under_way -= exec_queue_count(&exec->queue); /* these are never acknowledged */
	stage_final(&exec->sink->stage);
	sink_fail(exec->sink, STATUS_TEMPFAIL);
}

/* What is not acknowledged is given to the next one. */
static void failed(struct exec_sink *exec, const char *how)
{
	size_t count = exec_queue_whole(&exec->queue);
	char then[64] = "";

	if (count > 0)
		snprintf(then, sizeof then, ", with %zu record%s that this one had", count, PLURAL(count));
	exec_queue_rewind(&exec->queue);
	exec->batch = 0;
	exec->batch_closed = false;
	exec->batch_due = 0;
	exec->answer_length = 0;
	if (!subprocess_failed(&exec->program, exec->sink->config->max_restarts, how, then))
		give_up(exec);
}

/* The first time whoever starts us learns why; later it is one more failure. */
static void start(struct exec_sink *exec)
{
	char how[SUBPROCESS_TEXT_MAX];

	exec->deaf = false;
	if (subprocess_start(&exec->program))
		return;
	if (!exec->sink->stage.ready)
		die(status_of_error(errno) == STATUS_TEMPFAIL ? STATUS_TEMPFAIL : STATUS_CONFIG,
			"cannot run '%s': %s", exec->config->command.items[0], strerror(errno));
	snprintf(how, sizeof how, "can't be run: %s", strerror(errno));
	failed(exec, how);
}

static void *exec_open(struct destination *destination)
{
	struct exec_sink *exec = mem_alloc(sizeof *exec);
	const struct sink_config *config = destination->config;
	const struct config *all = destination->sink->config;
	unsigned pipes = config->acknowledge == ACKNOWLEDGE_OK ? SUBPROCESS_READS | SUBPROCESS_PRINTS
							       : SUBPROCESS_READS;

	exec->destination = destination;
	exec->sink = destination->sink;
	exec->config = config;
	exec->mode = config->acknowledge;
	subprocess_init(
		&exec->program, &config->command, environment_of_program(all, &config->program_env), pipes, all);
	if (exec->mode != ACKNOWLEDGE_EXIT)
		start(exec);
	if (exec->mode == ACKNOWLEDGE_WRITTEN)
		log_info("what is written to '%s' is delivered at most once: what it has not processed when it, or "
			 "Bruco, is killed is lost (acknowledge)",
			exec->program.name);
	destination_ready(destination);
	return exec;
}

/* ---- acknowledging */

static void acknowledge(struct exec_sink *exec, size_t count)
{
	while (count-- > 0)
		ticket_delivered(exec->sink, exec_queue_take(&exec->queue));
}

/* A line that it has said. False: it is not what it should be. */
static bool take_answer(struct exec_sink *exec)
{
	int64_t count = 1;

	exec->answer[exec->answer_length] = '\0';
	if (strcmp(exec->answer, "ok") != 0 &&
		(strncmp(exec->answer, "ok ", 3) != 0 || !text_integer(exec->answer + 3, 0, INT32_MAX, &count)))
		return false;
	if ((size_t)count > exec_queue_whole(&exec->queue))
		return false;
	exec->answer_length = 0;
	acknowledge(exec, (size_t)count);
	return true;
}

static void misspoken(struct exec_sink *exec)
{
	struct buf shown = {0};
	char how[SUBPROCESS_TEXT_MAX];

	printable_append(PRINTABLE_TEXT, &shown, exec->answer, exec->answer_length);
	snprintf(how, sizeof how, "said '%.*s', which acknowledges nothing that it has: killed", (int)shown.length,
		(const char *)shown.data);
	buf_release(&shown);
	subprocess_kill(&exec->program);
	subprocess_close_out(&exec->program);
	failed(exec, how);
}

static bool take_answers(struct exec_sink *exec, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '\n') {
			if (!take_answer(exec))
				return false;
		} else if (exec->answer_length == ANSWER_MAX) {
			return false;
		} else {
			exec->answer[exec->answer_length++] = text[i];
		}
	}
	return true;
}

/* What it has said before its end counts. False: it has said something else, and was killed. */
static bool read_answers(struct exec_sink *exec, bool ended)
{
	char text[4096];
	ssize_t got;

	while (exec->program.out >= 0) {
		got = read(exec->program.out, text, sizeof text);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN && !ended)
			break;
		if (got <= 0) {
			subprocess_close_out(&exec->program);
			subprocess_end(&exec->program, MUTE_MS);
		} else if (!take_answers(exec, text, (size_t)got)) {
			misspoken(exec);
			return false;
		}
	}
	return true;
}

/* ---- writing */

static void close_batch_if_due(struct exec_sink *exec)
{
	size_t waiting = exec_queue_count(&exec->queue);
	int64_t now = clock_ms();

	if (exec->batch_closed || waiting == 0)
		return;
	if (exec->batch == 0 && exec->batch_due == 0 && exec->program.failures == 0)
		exec->batch_due = now + exec->config->batch_wait_ms;
	exec->batch = waiting < exec->config->batch_size ? waiting : exec->config->batch_size;
	exec->batch_closed = exec->batch == exec->config->batch_size || exec->input_ended || exec->closing ||
			     exec->sink->status != STATUS_OK || now >= exec->batch_due ||
			     exec->queue.bytes.length - exec->queue.acknowledged >= QUEUE_MAX;
}

static size_t to_write(const struct exec_sink *exec)
{
	const struct exec_queue *queue = &exec->queue;

	return exec_queue_unwritten(queue, exec->mode == ACKNOWLEDGE_EXIT ? exec->batch : exec_queue_count(queue));
}

static bool wants_to_write(const struct exec_sink *exec)
{
	return exec->program.in >= 0 && !exec->deaf && to_write(exec) > 0;
}

/* False: it takes no more now. */
static bool write_some(struct exec_sink *exec)
{
	struct exec_queue *queue = &exec->queue;
	ssize_t put = write(exec->program.in, queue->bytes.data + queue->written, to_write(exec));

	if (put < 0) {
		exec->deaf = errno != EAGAIN && errno != EINTR; /* EPIPE; how it ends says why */
		if (exec->deaf)
			subprocess_end(&exec->program, MUTE_MS);
		return false;
	}
	queue->written += (size_t)put;
	page_count(exec->sink->page, COUNT_BYTES_OUT, (size_t)put);
	if (exec->mode == ACKNOWLEDGE_WRITTEN)
		acknowledge(exec, exec_queue_whole(queue));
	return true;
}

static void advance(struct exec_sink *exec)
{
	bool batches = exec->mode == ACKNOWLEDGE_EXIT;

	if (exec->over)
		return;
	if (batches)
		close_batch_if_due(exec);
	if (subprocess_is_due(&exec->program) && !exec->closing &&
		(!batches || exec_queue_count(&exec->queue) > 0))
		start(exec);
	for (int n = 0; n < WRITES_AT_ONCE && wants_to_write(exec); n++)
		if (!write_some(exec))
			break;
	if (exec->program.in >= 0 && exec->batch_closed && to_write(exec) == 0)
		subprocess_close_in(&exec->program);
	subprocess_watch(&exec->program, wants_to_write(exec), true);
}

/* ---- its end */

/* Whether it has read all that it was given, and says by its status that this is done. */
static bool has_done_batch(const struct exec_sink *exec)
{
	return exec->batch_closed && to_write(exec) == 0 && subprocess_was_good(&exec->program);
}

static void end_batch(struct exec_sink *exec)
{
	acknowledge(exec, exec->batch);
	exec->batch = 0;
	exec->batch_closed = false;
	exec->batch_due = 0;
	subprocess_succeeded(&exec->program, 0);
}

static void describe_end(const struct exec_sink *exec, char how[2 * SUBPROCESS_TEXT_MAX])
{
	char death[SUBPROCESS_TEXT_MAX] = "ended with status 0 before the end of its input";

	if (!subprocess_was_good(&exec->program))
		subprocess_death(&exec->program, death);
	if (exec->mode == ACKNOWLEDGE_WRITTEN && exec->program.unread > 0)
		snprintf(how, 2 * SUBPROCESS_TEXT_MAX, "%s, and %d bytes that it had not read are lost", death,
			exec->program.unread);
	else
		snprintf(how, 2 * SUBPROCESS_TEXT_MAX, "%s", death);
}

static void program_ended(struct exec_sink *exec)
{
	char how[2 * SUBPROCESS_TEXT_MAX];

	if (!read_answers(exec, true))
		return;
	if (exec->mode == ACKNOWLEDGE_EXIT && has_done_batch(exec)) {
		end_batch(exec);
		return;
	}
	describe_end(exec, how);
	if (!exec->closing) {
		failed(exec, how);
	} else if (!subprocess_was_good(&exec->program)) {
		log_error("'%s' %s", exec->program.name, how);
		sink_fail(exec->sink, STATUS_TEMPFAIL);
	}
}

/* ---- the kind */

/* A record is a line, and the program counts lines. */
static const char *exec_refuse(void *state, const struct frame_record *record)
{
	const struct exec_sink *exec = state;

	if (exec->mode != ACKNOWLEDGE_OK || exec->config->format != RECORD_LINES || record->value_length <= 0 ||
		memchr(record->value, '\n', (size_t)record->value_length) == NULL)
		return NULL;
	return "a line break in a value: with 'acknowledge: ok' it needs another format than lines";
}

static enum put_result exec_put(void *state, const struct frame_record *record, uint64_t ticket)
{
	struct exec_sink *exec = state;
	struct exec_queue *queue = &exec->queue;

	if (exec->over || queue->bytes.length - queue->acknowledged >= QUEUE_MAX)
		return PUT_FULL;
	record_form_append(&queue->bytes, exec->config->format, exec->sink->with_keys, record);
	exec_queue_add(queue, ticket);
	return PUT_UNDER_WAY;
}

static void exec_flush(void *state)
{
	advance(state);
}

static void exec_end(void *state)
{
	((struct exec_sink *)state)->input_ended = true;
}

static void exec_work(void *state)
{
	struct exec_sink *exec = state;

	read_answers(exec, false);
	if (subprocess_work(&exec->program))
		program_ended(exec);
	advance(exec);
}

static int exec_descriptor(void *state)
{
	return ((struct exec_sink *)state)->program.epoll;
}

static int exec_timeout(void *state)
{
	const struct exec_sink *exec = state;
	bool waits = exec_queue_count(&exec->queue) > 0;
	int timeout = subprocess_timeout(&exec->program);

	if (exec->over)
		return timeout;
	if (waits && exec->mode == ACKNOWLEDGE_EXIT && !exec->batch_closed)
		timeout = clock_shorter(timeout, clock_left(exec->batch_due, clock_ms()));
	if (!subprocess_runs(&exec->program) && !exec->closing && (waits || exec->mode != ACKNOWLEDGE_EXIT))
		timeout = clock_shorter(timeout, clock_left(exec->program.start_due, clock_ms()));
	return timeout;
}

static bool exec_close(void *state)
{
	struct exec_sink *exec = state;
	int64_t patience = exec->sink->config->shutdown_timeout_ms;

	if (!exec->closing) {
		if (exec->sink->status != STATUS_OK && patience > FAIL_MS)
			patience = FAIL_MS;
		exec->closing = true;
		subprocess_close_in(&exec->program);
		subprocess_end(&exec->program, patience);
	}
	return !subprocess_runs(&exec->program);
}

const struct sink_kind kind_exec = {.name = "exec",
	.open = exec_open,
	.descriptor = exec_descriptor,
	.timeout = exec_timeout,
	.work = exec_work,
	.refuse = exec_refuse,
	.put = exec_put,
	.flush = exec_flush,
	.end = exec_end,
	.close = exec_close};
