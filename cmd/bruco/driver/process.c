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
	*process = (struct process){.role = role, .control = -1, .stacks = -1};
	process->name = role == ROLE_WORKER ? mem_printf("bruco-worker-%u", lane)
					    : mem_text(role_names[role]);
	for (int i = 0; i < PROCESS_OUTPUTS; i++) {
		struct stage_output *output = &process->outputs[i];

		stage_output_init(output);
		output->kind = i == PROCESS_LOG ? OUTPUT_LINES : OUTPUT_PRINT;
		output->level = i == PROCESS_PRINTED ? LEVEL_INFO : LEVEL_WARNING;
		output->program = process->name;
		if (role == ROLE_WORKER) {
			output->worker = process->name + strlen("bruco-");
			output->owner = (int)lane;
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

/* Returns the child's end of a new pipe, or -1 with errno; the relay reads the other end. */
static int open_output(struct stage_output *output)
{
	int ends[2];

	if (fd_pipe(ends, 0) < 0)
		return -1;
	fd_nonblocking(ends[0], true);
	output->fd = ends[0];
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

/* The descriptors for the child. The first four are moved to where the child looks for them, the
 * others go with the greeting; a worker's log does, too. */
enum {
	GIVEN_CONTROL,
	GIVEN_STDOUT,
	GIVEN_STDERR,
	GIVEN_LOG,
	GIVEN_CONFIG,
	GIVEN_PAGE,
	GIVEN_STACKS,
	GIVEN_COUNT
};

struct outfit {
	int fds[GIVEN_COUNT]; /* -1: none, or given away */
};

static struct outfit outfit_empty(void)
{
	struct outfit outfit;

	for (int i = 0; i < GIVEN_COUNT; i++)
		outfit.fds[i] = -1;
	return outfit;
}

static void outfit_close(struct outfit *outfit)
{
	for (int i = 0; i < GIVEN_COUNT; i++)
		fd_close(&outfit->fds[i]);
}

static bool open_control(struct process *process, struct outfit *outfit)
{
	int ends[2];

	if (sock_pair(ends) < 0)
		return false;
	process->control = ends[0];
	outfit->fds[GIVEN_CONTROL] = ends[1];
	return true;
}

static bool keep(struct outfit *outfit, int which, int fd)
{
	outfit->fds[which] = fd;
	return fd >= 0;
}

static bool open_outputs(struct process *process, struct outfit *outfit)
{
	struct stage_output *outputs = process->outputs;

	if (!keep(outfit, GIVEN_LOG, open_output(&outputs[PROCESS_LOG])))
		return false;
	return process->role != ROLE_WORKER ||
	       (keep(outfit, GIVEN_STDOUT, open_output(&outputs[PROCESS_PRINTED])) &&
		       keep(outfit, GIVEN_STDERR, open_output(&outputs[PROCESS_PRINTED_ERRORS])));
}

/* Both ends append, so that the driver can make the file empty at any time. */
static bool open_stacks(struct process *process, struct outfit *outfit)
{
	if (process->role != ROLE_WORKER)
		return true;
	process->stacks = fd_memory("bruco-stacks", "", 0);
	return process->stacks >= 0 && fcntl(process->stacks, F_SETFL, O_APPEND) == 0 &&
	       keep(outfit, GIVEN_STACKS, fcntl(process->stacks, F_DUPFD_CLOEXEC, 0));
}

/* False with errno; the caller closes what is open then. */
static bool open_outfit(struct process *process, const struct buf *document, struct outfit *outfit)
{
	if (!open_control(process, outfit) || !open_outputs(process, outfit) ||
		!open_stacks(process, outfit) ||
		!keep(outfit, GIVEN_CONFIG,
			fd_memory("bruco-config", document->data, document->length)) ||
		!keep(outfit, GIVEN_PAGE, page_create(process->role == ROLE_SOURCE)))
		return false;
	process->page = page_try_map(outfit->fds[GIVEN_PAGE]);
	process->board = board_try_map(outfit->fds[GIVEN_PAGE]);
	return process->page != NULL;
}

static void give(const struct launch *launch, int fd)
{
	if (launch->user.name != NULL)
		(void)!fchown(fd, launch->user.uid, launch->user.gid);
}

static pid_t start_process(
	const struct process *process, const struct launch *launch, const struct outfit *outfit)
{
	bool worker = process->role == ROLE_WORKER;
	const char *arguments[] = {role_names[process->role], "--driver", "3", NULL, NULL, NULL};
	struct spawn_move moves[4] = {{outfit->fds[GIVEN_CONTROL], CONTROL_FD}};
	struct spawn what = {.path = launch->programs[process->role],
		.arguments = arguments,
		.environment = launch->environments[process->role],
		.moves = moves,
		.move_count = 1,
		.die_with_parent = true,
		.own_group = worker};

	if (worker && launch->python != NULL) { /* before it has its configuration */
		arguments[3] = "--python";
		arguments[4] = launch->python;
	}
	if (worker) {
		/* So that `echo >/dev/stderr` opens them, as it does for a user of its own. */
		give(launch, outfit->fds[GIVEN_STDOUT]);
		give(launch, outfit->fds[GIVEN_STDERR]);
		moves[what.move_count++] = (struct spawn_move){launch->null_fd, STDIN_FILENO};
		moves[what.move_count++] =
			(struct spawn_move){outfit->fds[GIVEN_STDOUT], STDOUT_FILENO};
		moves[what.move_count++] =
			(struct spawn_move){outfit->fds[GIVEN_STDERR], STDERR_FILENO};
	} else {
		moves[what.move_count++] =
			(struct spawn_move){outfit->fds[GIVEN_LOG], STDERR_FILENO};
	}
	return worker ? launch_worker(launch, &what) : spawn(&what);
}

/* Gives away the descriptors that go with the greeting, and those of the lane or the link. */
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

	given[count++] = outfit->fds[GIVEN_CONFIG];
	given[count++] = outfit->fds[GIVEN_PAGE];
	for (size_t i = 0; i < fd_count; i++)
		given[count++] = fds[i];
	outfit->fds[GIVEN_CONFIG] = outfit->fds[GIVEN_PAGE] = -1;
	if (process->role == ROLE_WORKER) {
		given[count++] = outfit->fds[GIVEN_LOG];
		given[count++] = outfit->fds[GIVEN_STACKS];
		outfit->fds[GIVEN_LOG] = outfit->fds[GIVEN_STACKS] = -1;
	}
	process_send(process, &hello, given, count);
}

static void forget_memory(struct process *process)
{
	page_unmap(process->page);
	board_unmap(process->board);
	process->page = NULL;
	process->board = NULL;
}

/* Undoes open_outfit on our side, for a process that could not be started. */
static void close_all(struct process *process, const int *fds, size_t fd_count)
{
	for (size_t i = 0; i < fd_count; i++)
		close(fds[i]);
	for (int i = 0; i < PROCESS_OUTPUTS; i++)
		fd_close(&process->outputs[i].fd);
	fd_close(&process->control);
	fd_close(&process->stacks);
	forget_memory(process);
}

int process_start(struct process *process, const struct launch *launch, uint32_t lane,
	uint32_t life, const int *fds, size_t fd_count)
{
	struct outfit outfit = outfit_empty();
	pid_t pid = -1;
	int error;

	process->started_at = clock_ms();
	process->ready = process->final = process->killed = process->stuck = false;
	if (open_outfit(process, &launch->documents[process->role], &outfit))
		pid = start_process(process, launch, &outfit);
	error = errno;
	if (pid > 0) {
		process->pid = pid;
		process->starts++;
		if (process->role == ROLE_WORKER)
			prefer_for_oom(pid, launch->oom_score);
		greet(process, launch, lane, life, &outfit, fds, fd_count);
	} else {
		close_all(process, fds, fd_count);
	}
	outfit_close(&outfit);
	errno = error;
	return pid > 0 ? 0 : -1;
}

/* False: there is no room yet. True: it was sent, or the process is gone; the descriptors are
 * closed. */
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

/* Whether the process is dead and waits to be reaped: then the driver did not kill it. */
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

	for (int i = 0; i < PROCESS_OUTPUTS; i++)
		stage_output_finish(&process->outputs[i], relay);
	drop_outbox(process);
	fd_close(&process->control);
	fd_close(&process->stacks);
	forget_memory(process);
	process->pid = 0;
	return snapshot;
}
