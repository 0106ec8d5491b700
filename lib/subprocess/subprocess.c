#include "subprocess/subprocess.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/back_off.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/format.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/search.h"
#include "base/signals.h"
#include "base/spawn.h"
#include "base/status.h"
#include "base/text.h"

enum {
	LINE_MAX_BYTES = 4096,
	READS_AT_ONCE = 16,
	STOP_MS = 5000, /* from SIGTERM to SIGKILL */
	KILLED_MS = 5000
};

void subprocess_init(struct subprocess *subprocess, const struct texts *command, char **environment,
	unsigned pipes, const struct config *config)
{
	const char *slash = strrchr(command->items[0], '/');

	*subprocess = (struct subprocess){.name = slash == NULL ? command->items[0] : slash + 1,
		.command = command,
		.environment = environment,
		.pipes = pipes,
		.confined = config->processor.isolation != ISOLATION_NONE,
		.epoll = epoll_create1(EPOLL_CLOEXEC),
		.process = -1,
		.in = -1,
		.out = -1,
		.error = -1,
		.term_due = -1,
		.kill_due = -1};
	if (subprocess->epoll < 0)
		die(status_of_error(errno), "cannot make an epoll descriptor: %s", strerror(errno));
}

/* ---- what is waited for */

/* A descriptor that is not watched is not there: its other end's close would wake us all the same. */
static void watch(const struct subprocess *subprocess, int fd, bool *watched, bool on, uint32_t events)
{
	struct epoll_event event = {.events = events};

	on = on && fd >= 0;
	if (*watched == on)
		return;
	if (epoll_ctl(subprocess->epoll, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, fd, &event) == 0)
		*watched = on;
	else if (on)
		die(status_of_error(errno), "cannot wait for '%s': %s", subprocess->name, strerror(errno));
}

void subprocess_watch(struct subprocess *subprocess, bool in, bool out)
{
	watch(subprocess, subprocess->in, &subprocess->watches_in, in, EPOLLOUT);
	watch(subprocess, subprocess->out, &subprocess->watches_out, out, EPOLLIN);
}

void subprocess_close_in(struct subprocess *subprocess)
{
	watch(subprocess, subprocess->in, &subprocess->watches_in, false, 0);
	fd_close(&subprocess->in);
}

void subprocess_close_out(struct subprocess *subprocess)
{
	watch(subprocess, subprocess->out, &subprocess->watches_out, false, 0);
	fd_close(&subprocess->out);
}

static void watch_for_good(const struct subprocess *subprocess, int fd)
{
	watch(subprocess, fd, &(bool){0}, true, EPOLLIN);
}

static void close_watched(const struct subprocess *subprocess, int *fd)
{
	watch(subprocess, *fd, &(bool){*fd >= 0}, false, 0);
	fd_close(fd);
}

/* ---- starting */

static pid_t run(const struct subprocess *subprocess, const char *path, int in, int out, int error)
{
	const struct texts *command = subprocess->command;
	const char **arguments = mem_array(command->count + 1, sizeof *arguments);
	const struct spawn_move moves[] = {
		{in, STDIN_FILENO}, {error, STDERR_FILENO}, {out, STDOUT_FILENO}};
	pid_t pid;
	int why;

	for (size_t i = 0; i < command->count; i++)
		arguments[i] = command->items[i];
	pid = spawn(&(struct spawn){.path = path,
		.arguments = arguments,
		.environment = subprocess->environment,
		.moves = moves,
		.move_count = out >= 0 ? 3 : 2,
		.die_with_parent = true,
		.own_group = true,
		.confined = subprocess->confined});
	why = errno;
	free(arguments);
	errno = why;
	return pid;
}

/* Its ends and ours; without a pipe its standard input is empty, and its standard output is ours. */
static bool make_pipes(const struct subprocess *subprocess, int in[2], int out[2], int error[2])
{
	if ((subprocess->pipes & SUBPROCESS_READS) == 0)
		in[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	else if (fd_pipe(in, 0) < 0)
		return false;
	return in[0] >= 0 && ((subprocess->pipes & SUBPROCESS_PRINTS) == 0 || fd_pipe(out, 0) == 0) &&
	       fd_pipe(error, 0) == 0;
}

static void keep(struct subprocess *subprocess, int in, int out, int error)
{
	subprocess->in = in;
	subprocess->out = out;
	subprocess->error = error;
	if (in >= 0)
		fd_nonblocking(in, true);
	if (out >= 0)
		fd_nonblocking(out, true);
	fd_nonblocking(error, true);
	watch_for_good(subprocess, error);
	watch_for_good(subprocess, subprocess->process);
	subprocess_watch(subprocess, false, true);
	subprocess->started_ms = clock_ms();
	subprocess->term_due = subprocess->kill_due = -1;
	buf_reset(&subprocess->line);
	buf_reset(&subprocess->complaint);
}

bool subprocess_start(struct subprocess *subprocess)
{
	const char *name = subprocess->command->items[0];
	char *path = strchr(name, '/') != NULL ? mem_text(name) : search_path(name);
	int in[2] = {-1, -1}, out[2] = {-1, -1}, error[2] = {-1, -1};
	pid_t pid = -1;
	int why;

	errno = ENOENT;
	if (path != NULL && make_pipes(subprocess, in, out, error))
		pid = run(subprocess, path, in[0], out[1], error[1]);
	if (pid > 0)
		subprocess->process = (int)syscall(SYS_pidfd_open, pid, 0);
	why = errno;
	if (pid > 0 && subprocess->process < 0) {
		kill(pid, SIGKILL);
		spawn_reap(pid, NULL, KILLED_MS);
		pid = -1;
	}
	free(path);
	fd_close(&in[0]);
	fd_close(&out[1]);
	fd_close(&error[1]);
	if (pid > 0) {
		subprocess->pid = pid;
		keep(subprocess, in[1], out[0], error[0]);
		return true;
	}
	fd_close(&in[1]);
	fd_close(&out[0]);
	fd_close(&error[0]);
	errno = why;
	return false;
}

bool subprocess_is_due(const struct subprocess *subprocess)
{
	return !subprocess_runs(subprocess) && clock_ms() >= subprocess->start_due;
}

/* ---- what it says */

static void log_complaint(struct subprocess *subprocess)
{
	struct buf *line = &subprocess->line;

	if (line->length > 0) {
		log_warning("%s: %.*s", subprocess->name, (int)line->length, (const char *)line->data);
		buf_reset(&subprocess->complaint);
		buf_append(&subprocess->complaint, line->data, line->length);
	}
	buf_reset(line);
}

static void take_complaints(struct subprocess *subprocess, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (text[i] != '\n' && text[i] != '\r')
			buf_byte(&subprocess->line, (uint8_t)text[i]);
		if (text[i] == '\n' || subprocess->line.length == LINE_MAX_BYTES)
			log_complaint(subprocess);
	}
}

/* False: there is no more now. */
static bool read_complaints(struct subprocess *subprocess)
{
	char text[4096];
	ssize_t got = subprocess->error < 0 ? 0 : read(subprocess->error, text, sizeof text);

	if (got > 0)
		take_complaints(subprocess, text, (size_t)got);
	else if (got == 0 || (errno != EAGAIN && errno != EINTR))
		close_watched(subprocess, &subprocess->error);
	return got > 0;
}

/* ---- its end */

void subprocess_end(struct subprocess *subprocess, int64_t patience_ms)
{
	int64_t due = clock_ms() + patience_ms;

	if (!subprocess_runs(subprocess) || (subprocess->term_due >= 0 && subprocess->term_due <= due))
		return;
	subprocess->term_due = due;
	subprocess->kill_due = due + STOP_MS;
}

static void signal_when_due(struct subprocess *subprocess)
{
	int64_t now = clock_ms();

	if (subprocess->term_due > 0 && now >= subprocess->term_due) {
		kill(-subprocess->pid, SIGTERM);
		subprocess->term_due = 0; /* nothing is sooner */
	} else if (subprocess->kill_due >= 0 && now >= subprocess->kill_due) {
		log_warning("'%s' does not end, killing it", subprocess->name);
		kill(-subprocess->pid, SIGKILL);
		subprocess->kill_due = -1;
	}
}

static bool has_ended(const struct subprocess *subprocess)
{
	siginfo_t info = {0};

	return waitid(P_PID, (id_t)subprocess->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0;
}

/* Its group is killed as long as its number can't be another's. */
static void reap(struct subprocess *subprocess)
{
	kill(-subprocess->pid, SIGKILL);
	if (!spawn_reap(subprocess->pid, &subprocess->death, KILLED_MS))
		die(STATUS_TEMPFAIL, "'%s' can't be killed", subprocess->name);
	subprocess->pid = 0;
	close_watched(subprocess, &subprocess->process);
	for (int n = 0; n < READS_AT_ONCE && read_complaints(subprocess); n++)
		;
	log_complaint(subprocess);
	close_watched(subprocess, &subprocess->error);
	if (subprocess->in < 0 || ioctl(subprocess->in, FIONREAD, &subprocess->unread) < 0)
		subprocess->unread = 0;
	subprocess_close_in(subprocess);
}

bool subprocess_work(struct subprocess *subprocess)
{
	if (!subprocess_runs(subprocess))
		return false;
	for (int n = 0; n < READS_AT_ONCE && read_complaints(subprocess); n++)
		;
	signal_when_due(subprocess);
	if (!has_ended(subprocess))
		return false;
	reap(subprocess);
	return true;
}

int subprocess_timeout(const struct subprocess *subprocess)
{
	int64_t due = subprocess->term_due > 0 ? subprocess->term_due : subprocess->kill_due;

	return subprocess_runs(subprocess) && due >= 0 ? clock_left(due, clock_ms()) : -1;
}

void subprocess_kill(struct subprocess *subprocess)
{
	if (!subprocess_runs(subprocess))
		return;
	kill(-subprocess->pid, SIGKILL);
	reap(subprocess);
}

/* ---- how it went */

bool subprocess_was_good(const struct subprocess *subprocess)
{
	return WIFEXITED(subprocess->death) && WEXITSTATUS(subprocess->death) == 0;
}

void subprocess_death(const struct subprocess *subprocess, char text[SUBPROCESS_TEXT_MAX])
{
	const struct buf *complaint = &subprocess->complaint;
	int death = subprocess->death, number = WTERMSIG(death);
	const char *name = WIFSIGNALED(death) ? signals_name(number) : NULL;
	int length;

	if (WIFSIGNALED(death))
		length = snprintf(text, SUBPROCESS_TEXT_MAX, "was killed by signal %d%s%s%s", number,
			name != NULL ? " (SIG" : "", name != NULL ? name : "", name != NULL ? ")" : "");
	else
		length = snprintf(text, SUBPROCESS_TEXT_MAX, "ended with status %d", WEXITSTATUS(death));
	if (complaint->length > 0)
		snprintf(text + length, (size_t)(SUBPROCESS_TEXT_MAX - length), ": %.*s", (int)complaint->length,
			(const char *)complaint->data);
}

bool subprocess_failed(struct subprocess *subprocess, uint32_t most, const char *how, const char *then)
{
	int64_t now = clock_ms(), wait;
	char pause[32];

	if (subprocess->started_ms > 0 && now - subprocess->started_ms >= SUBPROCESS_HEALTHY_MS)
		subprocess->failures = 0;
	if (subprocess->failures == most) {
		log_error("'%s' %s, and was started again %u time%s in a row before (maxRestarts)", subprocess->name, how,
			most, PLURAL(most));
		return false;
	}
	wait = back_off_ms(++subprocess->failures);
	format_duration(pause, wait);
	log_warning("'%s' %s; it is started again in %s%s", subprocess->name, how, pause, then);
	subprocess->start_due = now + wait;
	subprocess->started_ms = 0;
	return true;
}

void subprocess_succeeded(struct subprocess *subprocess, int64_t pause_ms)
{
	subprocess->failures = 0;
	subprocess->start_due = clock_ms() + pause_ms;
}
