#include "kafka/token_command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/search.h"
#include "base/spawn.h"
#include "json/token_answer.h"

enum { NAP_MS = 20, COMPLAINT_MAX = 200, KILLED_MS = 5000 };

struct run {
	pid_t pid;
	int out, err; /* our ends; -1 at their end */
	struct buf *answer;
	struct buf complaint; /* the beginning of what it says on standard error */
};

/* Reads what is there; keeps no more than one byte above `cap`. */
static void take(int *fd, struct buf *buf, size_t cap)
{
	char piece[4096];
	ssize_t got;

	while (*fd >= 0) {
		got = read(*fd, piece, sizeof piece);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN)
			return;
		if (got <= 0) {
			fd_close(fd);
			return;
		}
		if ((size_t)got > cap + 1 - buf->length)
			got = (ssize_t)(cap + 1 - buf->length);
		buf_append(buf, piece, (size_t)got);
		if (buf->length > cap)
			return;
	}
}

static bool is_too_much(const struct run *run)
{
	return run->answer->length > TOKEN_BYTES_MAX;
}

static void take_both(struct run *run)
{
	struct buf rest = {0};

	take(&run->out, run->answer, TOKEN_BYTES_MAX);
	take(&run->err, run->complaint.length < COMPLAINT_MAX ? &run->complaint : &rest,
		COMPLAINT_MAX);
	buf_release(&rest);
}

/* Waits for the child, which may leave others behind that have our pipes: so not for the pipes' end. */
static bool wait_for_end(struct run *run, int *death)
{
	int64_t deadline = clock_ms() + TOKEN_COMMAND_MS;

	while (clock_ms() < deadline && !is_too_much(run)) {
		struct pollfd fds[] = {{.fd = run->out, .events = POLLIN},
			{.fd = run->err, .events = POLLIN}};

		poll(fds, 2, NAP_MS);
		take_both(run);
		if (waitpid(run->pid, death, WNOHANG) == run->pid) {
			take_both(run);
			return true;
		}
	}
	kill(-run->pid, SIGKILL);
	kill(run->pid, SIGKILL); /* if it is not its group's yet */
	spawn_reap(run->pid, death, KILLED_MS);
	return false;
}

/* Its first line on standard error, without blanks around it. */
static void add_complaint(struct run *run, char why[TOKEN_COMMAND_WHY_MAX])
{
	const char *text;
	size_t length = strlen(why), first;

	buf_byte(&run->complaint, '\0');
	text = (const char *)run->complaint.data + strspn((const char *)run->complaint.data, " \t\r\n");
	first = strcspn(text, "\r\n");
	if (first > 0)
		snprintf(why + length, TOKEN_COMMAND_WHY_MAX - length, ": %.*s",
			first < COMPLAINT_MAX ? (int)first : COMPLAINT_MAX, text);
}

static bool judge(struct run *run, char why[TOKEN_COMMAND_WHY_MAX])
{
	bool ended;
	int death = 0;

	ended = wait_for_end(run, &death);
	if (is_too_much(run))
		snprintf(why, TOKEN_COMMAND_WHY_MAX, "it printed more than %d KiB",
			TOKEN_BYTES_MAX >> 10);
	else if (!ended)
		snprintf(why, TOKEN_COMMAND_WHY_MAX, "it did not end within %d s",
			TOKEN_COMMAND_MS / 1000);
	else if (WIFSIGNALED(death))
		snprintf(why, TOKEN_COMMAND_WHY_MAX, "it was killed by signal %d", WTERMSIG(death));
	else if (WEXITSTATUS(death) != 0)
		snprintf(why, TOKEN_COMMAND_WHY_MAX, "it ended with status %d", WEXITSTATUS(death));
	else
		return true;
	add_complaint(run, why);
	return false;
}

static char *program_of(const char *name)
{
	return strchr(name, '/') != NULL ? mem_text(name) : search_path(name);
}

/* -1 with errno. */
static pid_t start(const char *path, const struct texts *command, const int ends[3])
{
	const char **arguments = mem_array(command->count + 1, sizeof *arguments);
	const struct spawn_move moves[] = {{ends[0], STDIN_FILENO}, {ends[1], STDOUT_FILENO},
		{ends[2], STDERR_FILENO}};
	struct spawn what = {.path = path,
		.arguments = arguments,
		.moves = moves,
		.move_count = 3,
		.die_with_parent = true,
		.own_group = true};
	pid_t pid;
	int error;

	for (size_t i = 0; i < command->count; i++)
		arguments[i] = command->items[i];
	pid = spawn(&what);
	error = errno;
	free(arguments);
	errno = error;
	return pid;
}

bool token_command_run(
	const struct texts *command, struct buf *out, char why[TOKEN_COMMAND_WHY_MAX])
{
	char *path = program_of(command->items[0]);
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC), pipes[2][2] = {{-1, -1}, {-1, -1}};
	struct run run = {.answer = out};
	bool good = false;

	run.pid = -1;
	if (path == NULL)
		errno = ENOENT;
	else if (null >= 0 && fd_pipe(pipes[0], 0) == 0 && fd_pipe(pipes[1], 0) == 0)
		run.pid = start(path, command, (const int[]){null, pipes[0][1], pipes[1][1]});
	if (run.pid < 0)
		snprintf(why, TOKEN_COMMAND_WHY_MAX, "it can't be run: %s", strerror(errno));
	fd_close(&null);
	fd_close(&pipes[0][1]);
	fd_close(&pipes[1][1]);
	if (run.pid > 0) {
		run.out = pipes[0][0];
		run.err = pipes[1][0];
		fd_nonblocking(run.out, true);
		fd_nonblocking(run.err, true);
		good = judge(&run, why);
		pipes[0][0] = run.out;
		pipes[1][0] = run.err;
	}
	fd_close(&pipes[0][0]);
	fd_close(&pipes[1][0]);
	buf_release(&run.complaint);
	free(path);
	return good;
}
