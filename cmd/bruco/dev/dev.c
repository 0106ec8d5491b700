#include "bruco/dev/dev.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/signals.h"
#include "base/spawn.h"
#include "base/status.h"
#include "base/text.h"

enum {
	LOOK_MS = 25,           /* between two questions how far the pipeline has come */
	WINDOW_BYTES = 1 << 20, /* of input that may be under way: a topic keeps 5 MiB */
	SHOW_MS = 5000,         /* for the last outputs to be shown */
	KILL_EXTRA_MS = 10000   /* what the pipeline may take beyond its own shutdownTimeout */
};

/* ---- how far it has come */

/* Whether the pipeline has processed and committed all that was typed, and all that it has sent to
 * its own topics. */
static bool is_processed(struct dev *dev)
{
	const struct texts *topics = &dev->config.source.topics;
	char *group = pipeline_group(dev->pipeline.number);
	bool processed = true;

	for (size_t i = 0; processed && i < topics->count; i++) {
		int64_t done, all;

		processed = broker_progress(&dev->broker, group, topics->items[i], &done, &all) &&
			    done >= all && (i > 0 || (uint64_t)all >= dev->feed.records);
	}
	free(group);
	return processed;
}

static void go_on(struct dev *dev, enum dev_phase phase, int64_t most_ms)
{
	dev->phase = phase;
	dev->look_ms = clock_ms();
	dev->deadline_ms = most_ms < 0 ? -1 : dev->look_ms + most_ms;
}

void dev_stop_pipeline(struct dev *dev)
{
	if (dev->pipeline.pid <= 0)
		go_on(dev, DEV_SHOWING, SHOW_MS);
	else if (dev->phase < DEV_STOPPING) {
		kill(dev->pipeline.pid, SIGTERM);
		go_on(dev, DEV_STOPPING, dev->config.shutdown_timeout_ms + KILL_EXTRA_MS);
	}
}

/* Input is held back while as much as the window is under way. */
static bool is_full(const struct dev *dev)
{
	return dev->feed.bytes >= WINDOW_BYTES;
}

static void look(struct dev *dev)
{
	bool busy = dev->replacing || dev->pipeline.pid == 0;

	if (dev->phase == DEV_RUNNING && is_full(dev) && !busy && is_processed(dev) &&
		show_is_complete(&dev->show, &dev->broker))
		dev->feed.bytes = 0;
	else if (dev->phase == DEV_DRAINING && !busy && is_processed(dev))
		dev_stop_pipeline(dev);
	else if (dev->phase == DEV_SHOWING && show_is_complete(&dev->show, &dev->broker))
		dev->phase = DEV_DONE;
	dev->look_ms = clock_ms() + LOOK_MS;
}

static void phase_tick(struct dev *dev, int64_t now_ms)
{
	bool late = dev->deadline_ms >= 0 && now_ms >= dev->deadline_ms;

	if (dev->edited_ms >= 0 && now_ms >= dev->edited_ms && dev->check == 0 && !dev->replacing &&
		dev->phase == DEV_RUNNING)
		dev_look_at_edit(dev);
	if (late && dev->phase == DEV_STOPPING && dev->pipeline.pid > 0) {
		kill(dev->pipeline.pid, SIGKILL);
		dev->deadline_ms = -1;
	} else if (late && dev->phase == DEV_SHOWING) {
		log_warning("not all outputs could be shown");
		dev->phase = DEV_DONE;
	}
	if (now_ms >= dev->look_ms)
		look(dev);
}

/* ---- what happens */

static void input_ready(struct dev *dev)
{
	if (feed_read(&dev->feed))
		return;
	if (dev->pipeline.pid == 0 && !dev->replacing)
		dev_stop_pipeline(dev); /* it has failed, and there will be no edit any more */
	else
		go_on(dev, DEV_DRAINING, -1);
}

/* Whether it is a child without which there is no going on. */
static bool helper_ended(struct dev *dev, pid_t pid)
{
	const struct {
		pid_t *pid;
		const char *what;
	} helpers[] = {{&dev->broker.pid, "bruco-broker"},
		{&dev->feed.pid, "the bruco-sink of the input"},
		{&dev->show.pid, "the bruco-source of the outputs"}};

	for (size_t i = 0; i < sizeof helpers / sizeof helpers[0]; i++)
		if (*helpers[i].pid == pid) {
			log_error("%s has ended, so this can't go on", helpers[i].what);
			*helpers[i].pid = 0;
			return true;
		}
	return false;
}

static void child_ended(struct dev *dev, pid_t pid, int death)
{
	int status = WIFEXITED(death) ? WEXITSTATUS(death) : STATUS_SOFTWARE;

	if (pid == dev->pipeline.pid) {
		dev_pipeline_ended(dev, death);
	} else if (pid == dev->check) {
		dev_edit_checked(dev, status);
	} else if (helper_ended(dev, pid)) {
		dev->status = status != STATUS_OK ? status : STATUS_TEMPFAIL;
		dev->phase = DEV_DONE;
	}
}

static void signals_ready(struct dev *dev)
{
	int number, death;
	pid_t pid;

	while ((number = signals_next(dev->signal_fd)) != 0) {
		if (number == SIGCHLD)
			continue;
		if (dev->phase >= DEV_STOPPING && dev->signal == 0) {
			dev->signal = number;
			dev->phase = DEV_DONE;
		} else {
			dev->status = STATUS_OK;
			dev_stop_pipeline(dev);
		}
	}
	while (dev->phase != DEV_DONE && (pid = waitpid(-1, &death, WNOHANG)) > 0)
		child_ended(dev, pid, death);
}

static void log_ready(struct dev *dev)
{
	if (!pipeline_read_log(&dev->pipeline))
		return;
	if (dev->pipeline.number > 1)
		log_info("reloaded");
	else if (dev->terminal)
		log_info("ready: type %s for topic '%s', Ctrl-D ends",
			dev->options->keys ? "key, tab, value" : "a line", dev->feed.topic);
}

static void show_ready(struct dev *dev)
{
	if (show_read(&dev->show) == 0)
		return;
	if (errno == EPIPE)
		dev->signal = SIGPIPE; /* as any filter */
	else
		log_error("cannot write to standard output: %s", strerror(errno));
	dev->status = STATUS_UNAVAILABLE;
	dev->phase = DEV_DONE;
}

/* ---- the loop */

enum { POLL_SIGNALS, POLL_INPUT, POLL_LOG, POLL_SHOW, POLL_EDITS, POLLS };

static int next_tick(const struct dev *dev)
{
	bool looks = is_full(dev) || dev->phase == DEV_DRAINING || dev->phase == DEV_SHOWING;
	int64_t deadline = looks ? dev->look_ms : dev->deadline_ms;

	if (dev->check == 0 && dev->phase == DEV_RUNNING && !dev->replacing)
		deadline = clock_sooner(deadline, dev->edited_ms);
	return clock_left(deadline, clock_ms());
}

static void dev_wait(struct dev *dev)
{
	bool reads = dev->phase == DEV_RUNNING && !is_full(dev);
	struct pollfd polls[POLLS] = {
		[POLL_SIGNALS] = {.fd = dev->signal_fd, .events = POLLIN},
		[POLL_INPUT] = {.fd = reads ? STDIN_FILENO : -1, .events = POLLIN},
		[POLL_LOG] = {.fd = dev->pipeline.log, .events = POLLIN},
		[POLL_SHOW] = {.fd = dev->show.from, .events = POLLIN},
		[POLL_EDITS] = {.fd = dev->edits.fd, .events = POLLIN},
	};

	if (fd_poll(polls, POLLS, next_tick(dev)) < 0)
		return;
	if (polls[POLL_LOG].revents != 0)
		log_ready(dev);
	if (polls[POLL_SHOW].revents != 0)
		show_ready(dev);
	if (polls[POLL_EDITS].revents != 0 && edits_read(&dev->edits))
		dev->edited_ms = clock_ms() + EDITS_SETTLE_MS;
	if (polls[POLL_INPUT].revents != 0 && dev->phase == DEV_RUNNING)
		input_ready(dev);
	if (polls[POLL_SIGNALS].revents != 0)
		signals_ready(dev);
}

static void say_what_is_shown(const struct dev *dev)
{
	const struct texts *topics = &dev->config.source.topics;
	const char *kind = dev->config.sink.kind;

	if (topics->count > 1)
		log_info("what is typed goes to '%s', the first of %zu source topics",
			topics->items[0], topics->count);
	if (strcmp(kind, "discard") == 0)
		log_info("the configuration has no sink: outputs are not shown");
	else if (strcmp(kind, "kafka") != 0)
		log_info("sink.kind is '%s' and stays so: outputs are not shown as records", kind);
}

static void end_all(struct dev *dev)
{
	if (dev->check > 0) {
		kill(dev->check, SIGTERM);
		spawn_wait(dev->check, NULL, LOOK_MS);
	}
	if (dev->pipeline.pid > 0) {
		kill(dev->pipeline.pid, SIGKILL);
		spawn_wait(dev->pipeline.pid, NULL, SHOW_MS);
		pipeline_ended(&dev->pipeline);
	}
	feed_stop(&dev->feed);
	show_stop(&dev->show);
	broker_stop(&dev->broker);
	edits_release(&dev->edits);
}

int dev_run(
	const struct dev_options *options, struct config *config, int signal_fd, int *signal_number)
{
	struct dev dev = {.options = options,
		.config = *config,
		.signal_fd = signal_fd,
		.terminal = isatty(STDIN_FILENO) == 1,
		.feed = {.to = -1},
		.edited_ms = -1,
		.deadline_ms = -1};

	pipeline_init(&dev.pipeline);
	show_init(&dev.show, fd_shows_colour(STDOUT_FILENO));
	edits_init(&dev.edits);
	edits_watch(&dev.edits, options->path, config->processor.handler_path);
	say_what_is_shown(&dev);
	broker_start(&dev.broker);
	dev_start_pipeline(&dev);
	while (dev.phase != DEV_DONE) {
		dev_wait(&dev);
		phase_tick(&dev, clock_ms());
	}
	end_all(&dev);
	*config = dev.config;
	*signal_number = dev.signal;
	return dev.status;
}
