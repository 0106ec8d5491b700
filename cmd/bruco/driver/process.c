#include "bruco/driver/process.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/spawn.h"

enum { CONTROL_FD = 3 };

static const char *const role_names[ROLE_COUNT] = {"bruco-source", "bruco-sink", "bruco-worker"};

void process_init(struct process *process, enum process_role role, uint32_t lane)
{
	*process = (struct process){.role = role, .control = -1};
	process->name = role == ROLE_WORKER ? mem_printf("bruco-worker-%u", lane)
					    : mem_text(role_names[role]);
	for (int i = 0; i < PROCESS_STREAMS; i++) {
		struct stream *stream = &process->streams[i];

		stream_init(stream);
		stream->kind = i == PROCESS_LOG ? STREAM_LINES : STREAM_PRINT;
		stream->level = i == PROCESS_PRINTED ? LEVEL_INFO : LEVEL_WARNING;
		stream->program = process->name;
		if (role == ROLE_WORKER) {
			stream->worker = process->name + strlen("bruco-");
			stream->owner = (int)lane;
		}
	}
}

static void drop_outbox(struct process *process)
{
	for (size_t i = 0; i < process->outbox_count; i++)
		for (size_t j = 0; j < process->outbox[i].fd_count; j++)
			close(process->outbox[i].fds[j]);
	free(process->outbox);
	process->outbox = NULL;
	process->outbox_count = 0;
}

void process_release(struct process *process)
{
	assert(process->pid == 0);
	free(process->name);
}

/* One end for the child; ours is read by the relay. */
static int open_stream(struct stream *stream)
{
	int ends[2];

	if (fd_pipe(ends, 0) < 0)
		return -1;
	fd_nonblocking(ends[0], true);
	stream->fd = ends[0];
	return ends[1];
}

static void prefer_for_oom(pid_t pid, const char *score)
{
	char *path = mem_printf("/proc/%d/oom_score_adj", (int)pid);
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {
		(void)!write(fd, score, strlen(score));
		close(fd);
	}
	free(path);
}

/* What goes to the child, -1 where there is nothing: the first four are moved to where it looks for
 * them, the others come with the greeting. */
struct outfit {
	int control;
	int printed, printed_errors;
	int log;
	int document;
	int page;
};

static void outfit_close(struct outfit *outfit)
{
	fd_close(&outfit->control);
	fd_close(&outfit->printed);
	fd_close(&outfit->printed_errors);
	fd_close(&outfit->log);
	fd_close(&outfit->document);
	fd_close(&outfit->page);
}

static bool open_control(struct process *process, struct outfit *outfit)
{
	int ends[2];

	if (sock_pair(ends) < 0)
		return false;
	process->control = ends[0];
	outfit->control = ends[1];
	return true;
}

/* False with errno; what is open then is for the caller to close. */
static bool open_outfit(struct process *process, const struct buf *document, struct outfit *outfit)
{
	if (!open_control(process, outfit))
		return false;
	outfit->log = open_stream(&process->streams[PROCESS_LOG]);
	if (outfit->log < 0)
		return false;
	if (process->role == ROLE_WORKER) {
		outfit->printed = open_stream(&process->streams[PROCESS_PRINTED]);
		if (outfit->printed < 0)
			return false;
		outfit->printed_errors = open_stream(&process->streams[PROCESS_PRINTED_ERRORS]);
		if (outfit->printed_errors < 0)
			return false;
	}
	outfit->document = fd_memory("bruco-config", document->data, document->length);
	if (outfit->document < 0)
		return false;
	outfit->page = page_create();
	if (outfit->page < 0)
		return false;
	process->page = page_try_map(outfit->page);
	return process->page != NULL;
}

static pid_t start_process(
	const struct process *process, const struct launch *launch, const struct outfit *outfit)
{
	bool worker = process->role == ROLE_WORKER;
	const char *arguments[] = {role_names[process->role], "--driver", "3", NULL};
	struct spawn_move moves[4] = {{outfit->control, CONTROL_FD}};
	struct spawn what = {.path = launch->programs[process->role],
		.arguments = arguments,
		.environment = worker ? launch->worker_environment : NULL,
		.moves = moves,
		.move_count = 1,
		.die_with_parent = true,
		.own_group = worker};

	if (worker) {
		moves[what.move_count++] = (struct spawn_move){launch->null_fd, STDIN_FILENO};
		moves[what.move_count++] = (struct spawn_move){outfit->printed, STDOUT_FILENO};
		moves[what.move_count++] =
			(struct spawn_move){outfit->printed_errors, STDERR_FILENO};
	} else {
		moves[what.move_count++] = (struct spawn_move){outfit->log, STDERR_FILENO};
	}
	return spawn(&what);
}

/* Takes its part of the outfit and the lane's or link's descriptors. */
static void greet(struct process *process, const struct launch *launch, uint32_t lane,
	uint32_t life, struct outfit *outfit, const int *fds, size_t fd_count)
{
	struct message hello = {.type = MESSAGE_HELLO,
		.lane = lane,
		.life = life,
		.lanes = launch->lanes,
		.log_level = log_level(),
		.log_format = log_format(),
		.flags = process->role == ROLE_SOURCE ? launch->source_flags : 0,
		.seq = process->role == ROLE_SOURCE ? launch->identity : 0};
	int given[HELLO_WORKER_FDS];
	size_t count = 0;

	given[count++] = outfit->document;
	given[count++] = outfit->page;
	for (size_t i = 0; i < fd_count; i++)
		given[count++] = fds[i];
	outfit->document = outfit->page = -1;
	if (process->role == ROLE_WORKER) {
		given[count++] = outfit->log;
		outfit->log = -1;
	}
	process_send(process, &hello, given, count);
}

/* The process does not run: as if nothing had been tried. */
static void close_all(struct process *process, const int *fds, size_t fd_count)
{
	for (size_t i = 0; i < fd_count; i++)
		close(fds[i]);
	for (int i = 0; i < PROCESS_STREAMS; i++)
		fd_close(&process->streams[i].fd);
	fd_close(&process->control);
	page_unmap(process->page);
	process->page = NULL;
}

int process_start(struct process *process, const struct launch *launch, uint32_t lane,
	uint32_t life, const int *fds, size_t fd_count)
{
	struct outfit outfit = {-1, -1, -1, -1, -1, -1};
	pid_t pid = -1;
	int error;

	process->ready = process->killed = process->stuck = false;
	if (open_outfit(process, &launch->documents[process->role], &outfit))
		pid = start_process(process, launch, &outfit);
	error = errno;
	if (pid > 0) {
		process->pid = pid;
		if (process->role == ROLE_WORKER) {
			prlimit(pid, RLIMIT_NOFILE, &launch->files, NULL);
			prefer_for_oom(pid, launch->oom_score);
		}
		greet(process, launch, lane, life, &outfit, fds, fd_count);
	} else {
		close_all(process, fds, fd_count);
	}
	outfit_close(&outfit);
	errno = error;
	return pid > 0 ? 0 : -1;
}

/* Whether it is settled: sent, or nobody is there to take it. */
static bool send_pending(struct process *process, const struct pending_message *pending)
{
	if (process->control >= 0 &&
		message_send(process->control, &pending->message, pending->fds, pending->fd_count) <
			0 &&
		(errno == EAGAIN || errno == ETOOMANYREFS || errno == ENOBUFS))
		return false;
	for (size_t i = 0; i < pending->fd_count; i++)
		close(pending->fds[i]);
	return true;
}

void process_send(
	struct process *process, const struct message *message, const int *fds, size_t fd_count)
{
	struct pending_message pending = {.message = *message, .fd_count = fd_count};

	for (size_t i = 0; i < fd_count; i++)
		pending.fds[i] = fds[i];
	if (process->outbox_count == 0 && send_pending(process, &pending))
		return;
	process->outbox =
		mem_grow(process->outbox, process->outbox_count + 1, sizeof *process->outbox);
	process->outbox[process->outbox_count++] = pending;
}

void process_flush(struct process *process)
{
	size_t sent = 0;

	while (sent < process->outbox_count && send_pending(process, &process->outbox[sent]))
		sent++;
	process->outbox_count -= sent;
	if (sent > 0)
		memmove(process->outbox, process->outbox + sent,
			process->outbox_count * sizeof *process->outbox);
}

/* It waits to be reaped: whatever ended it, we did not. */
static bool is_dead(pid_t pid)
{
	siginfo_t info = {0};

	while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
		if (errno != EINTR)
			return false;
	return info.si_pid == pid;
}

void process_kill(struct process *process)
{
	if (process->pid == 0 || is_dead(process->pid))
		return;
	if (!process->killed)
		process->killed_at = clock_ms();
	process->killed = true;
	if (process->role == ROLE_WORKER)
		kill(-process->pid, SIGKILL);
	kill(process->pid, SIGKILL);
}

int64_t process_kill_deadline(const struct process *process)
{
	return process->pid != 0 && process->killed ? process->killed_at + KILL_MS : -1;
}

struct page_snapshot process_reaped(struct process *process, struct relay *relay)
{
	struct page_snapshot snapshot = page_snapshot(process->page);

	for (int i = 0; i < PROCESS_STREAMS; i++)
		stream_finish(&process->streams[i], relay);
	drop_outbox(process);
	fd_close(&process->control);
	page_unmap(process->page);
	process->page = NULL;
	process->pid = 0;
	return snapshot;
}
