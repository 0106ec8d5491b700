#include "bruco/stage.h"

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

void stage_init(struct stage *stage, enum stage_role role, uint32_t lane)
{
	*stage = (struct stage){.role = role, .control = -1};
	stage->name = role == ROLE_WORKER ? mem_printf("bruco-worker-%u", lane)
					  : mem_text(role_names[role]);
	for (int i = 0; i < STAGE_STREAMS; i++) {
		struct stream *stream = &stage->streams[i];

		stream_init(stream);
		stream->kind = i == STAGE_LOG ? STREAM_LINES : STREAM_PRINT;
		stream->level = i == STAGE_PRINTED ? LEVEL_INFO : LEVEL_WARNING;
		stream->program = stage->name;
		if (role == ROLE_WORKER) {
			stream->worker = stage->name + strlen("bruco-");
			stream->owner = (int)lane;
		}
	}
}

static void drop_outbox(struct stage *stage)
{
	for (size_t i = 0; i < stage->outbox_count; i++)
		for (size_t j = 0; j < stage->outbox[i].fd_count; j++)
			close(stage->outbox[i].fds[j]);
	free(stage->outbox);
	stage->outbox = NULL;
	stage->outbox_count = 0;
}

void stage_release(struct stage *stage)
{
	assert(stage->pid == 0);
	free(stage->name);
}

/* One end for the child; ours is read by the relay. */
static int open_stream(struct stream *stream)
{
	int ends[2];

	fd_pipe(ends, 0);
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

/* Takes the descriptors. */
static void greet(struct stage *stage, const struct launch *launch, uint32_t lane, uint32_t life,
	const int *fds, size_t fd_count)
{
	struct message hello = {.type = MESSAGE_HELLO,
		.lane = lane,
		.life = life,
		.lanes = launch->lanes,
		.log_level = log_level(),
		.log_format = log_format(),
		.flags = stage->role == ROLE_SOURCE ? launch->source_flags : 0,
		.seq = stage->role == ROLE_SOURCE ? launch->identity : 0};

	stage_send(stage, &hello, fds, fd_count);
}

int stage_start(struct stage *stage, const struct launch *launch, uint32_t lane, uint32_t life,
	const int *fds, size_t fd_count)
{
	bool worker = stage->role == ROLE_WORKER;
	const struct buf *document = &launch->documents[stage->role];
	const char *arguments[] = {role_names[stage->role], "--driver", "3", NULL};
	int given[HELLO_WORKER_FDS] = {-1, -1, -1, -1, -1};
	size_t given_count = 0;
	int sockets[2];
	int log_end = -1, print_ends[2] = {-1, -1};
	struct spawn_move moves[4];
	struct spawn what = {.path = launch->programs[stage->role],
		.arguments = (char *const *)(size_t)arguments,
		.environment = worker ? launch->worker_environment : NULL,
		.moves = moves,
		.die_with_parent = true,
		.own_group = worker};
	pid_t pid;

	sock_pair(sockets);
	stage->control = sockets[0];
	log_end = open_stream(&stage->streams[STAGE_LOG]);
	moves[what.move_count++] = (struct spawn_move){sockets[1], CONTROL_FD};
	if (worker) {
		print_ends[0] = open_stream(&stage->streams[STAGE_PRINTED]);
		print_ends[1] = open_stream(&stage->streams[STAGE_PRINTED_ERRORS]);
		moves[what.move_count++] = (struct spawn_move){launch->null_fd, STDIN_FILENO};
		moves[what.move_count++] = (struct spawn_move){print_ends[0], STDOUT_FILENO};
		moves[what.move_count++] = (struct spawn_move){print_ends[1], STDERR_FILENO};
	} else {
		moves[what.move_count++] = (struct spawn_move){log_end, STDERR_FILENO};
	}
	given[given_count++] = fd_memory("bruco-config", document->data, document->length);
	given[given_count++] = page_create();
	for (size_t i = 0; i < fd_count; i++)
		given[given_count++] = fds[i];
	if (worker)
		given[given_count++] = log_end;

	stage->page = page_map(given[HELLO_PAGE]);
	stage->ready = stage->killed = stage->stuck = false;
	pid = spawn(&what);
	if (pid > 0) {
		stage->pid = pid;
		if (worker) {
			prlimit(pid, RLIMIT_NOFILE, &launch->files, NULL);
			prefer_for_oom(pid, launch->oom_score);
		}
		greet(stage, launch, lane, life, given, given_count);
	} else {
		for (size_t i = 0; i < given_count; i++)
			if (given[i] != log_end)
				close(given[i]);
	}

	if (pid <= 0 || !worker)
		fd_close(&log_end);
	fd_close(&print_ends[0]);
	fd_close(&print_ends[1]);
	fd_close(&sockets[1]);
	if (pid > 0)
		return 0;
	for (int i = 0; i < STAGE_STREAMS; i++)
		fd_close(&stage->streams[i].fd);
	fd_close(&stage->control);
	page_unmap(stage->page);
	stage->page = NULL;
	return -1;
}

/* Whether it is settled: sent, or nobody is there to take it. */
static bool send_parcel(struct stage *stage, const struct parcel *parcel)
{
	if (stage->control >= 0 &&
		control_send(stage->control, &parcel->message, parcel->fds, parcel->fd_count) < 0 &&
		(errno == EAGAIN || errno == ETOOMANYREFS || errno == ENOBUFS))
		return false;
	for (size_t i = 0; i < parcel->fd_count; i++)
		close(parcel->fds[i]);
	return true;
}

void stage_send(struct stage *stage, const struct message *message, const int *fds, size_t fd_count)
{
	struct parcel parcel = {.message = *message, .fd_count = fd_count};

	for (size_t i = 0; i < fd_count; i++)
		parcel.fds[i] = fds[i];
	if (stage->outbox_count == 0 && send_parcel(stage, &parcel))
		return;
	stage->outbox = mem_grow(stage->outbox, stage->outbox_count + 1, sizeof *stage->outbox);
	stage->outbox[stage->outbox_count++] = parcel;
}

void stage_flush(struct stage *stage)
{
	size_t sent = 0;

	while (sent < stage->outbox_count && send_parcel(stage, &stage->outbox[sent]))
		sent++;
	stage->outbox_count -= sent;
	if (sent > 0)
		memmove(stage->outbox, stage->outbox + sent,
			stage->outbox_count * sizeof *stage->outbox);
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

void stage_kill(struct stage *stage)
{
	if (stage->pid == 0 || is_dead(stage->pid))
		return;
	if (!stage->killed)
		stage->killed_at = clock_ms();
	stage->killed = true;
	if (stage->role == ROLE_WORKER)
		kill(-stage->pid, SIGKILL);
	kill(stage->pid, SIGKILL);
}

int64_t stage_kill_deadline(const struct stage *stage)
{
	return stage->pid != 0 && stage->killed ? stage->killed_at + KILL_MS : -1;
}

struct page_snapshot stage_reaped(struct stage *stage, struct relay *relay)
{
	struct page_snapshot snapshot = page_snapshot(stage->page);

	for (int i = 0; i < STAGE_STREAMS; i++)
		stream_finish(&stage->streams[i], relay);
	drop_outbox(stage);
	fd_close(&stage->control);
	page_unmap(stage->page);
	stage->page = NULL;
	stage->pid = 0;
	return snapshot;
}
