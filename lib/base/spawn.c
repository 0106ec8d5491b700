#include "base/spawn.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/protect.h"
#include "base/signals.h"

enum { EXEC_MS = 30000, KILLED_MS = 10000, REAP_NAP_MS = 5 };

/* No descriptor from 3 on outlives the exec, if it is not moved later: not those either that whoever
 * started this program left open, of a shell or a configuration. */
static void close_on_exec(void)
{
	const struct dirent *entry;
	DIR *folder;

	/* the C library has had a function for it since 2.34 */
	if (syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
		return;
	folder = opendir("/proc/self/fd"); /* before Linux 5.11, or where a filter refuses it */
	while (folder != NULL && (entry = readdir(folder)) != NULL)
		if (atoi(entry->d_name) > 2)
			fcntl(atoi(entry->d_name), F_SETFD, FD_CLOEXEC);
	if (folder != NULL)
		closedir(folder);
}

/* Moves in two steps, so that no source is overwritten before it has been copied. */
static int move_descriptors(const struct spawn_move *moves, size_t count)
{
	int copies[16];
	int floor = 3;

	if (count > sizeof copies / sizeof copies[0]) {
		errno = EMFILE;
		return -1;
	}
	for (size_t i = 0; i < count; i++)
		if (moves[i].to >= floor)
			floor = moves[i].to + 1;
	for (size_t i = 0; i < count; i++) {
		copies[i] = fcntl(moves[i].from, F_DUPFD_CLOEXEC, floor);
		if (copies[i] < 0)
			return -1;
	}
	for (size_t i = 0; i < count; i++)
		if (dup2(copies[i], moves[i].to) < 0)
			return -1;
	return 0;
}

static void die_with(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent) /* gone before the prctl */
		_exit(127);
}

/* Everything but the exec; false with errno. */
static bool prepare(const struct spawn *what, pid_t parent)
{
	if (what->user != NULL && !user_become(what->user))
		return false;
	if (what->die_with_parent) /* user_become would undo it */
		die_with(parent);
	return (what->walls == NULL || protect_strictly(what->walls)) &&
	       move_descriptors(what->moves, what->move_count) == 0 &&
	       (what->directory == NULL || chdir(what->directory) == 0) &&
	       (what->files == NULL || setrlimit(RLIMIT_NOFILE, what->files) == 0);
}

static _Noreturn void child(const struct spawn *what, pid_t parent, int report)
{
	int failure;
	int high;

	signals_reset();
	if (what->user != NULL)
		setsid(); /* without a terminal, into which it could type for who runs this */
	else if (what->own_group)
		setpgid(0, 0);
	if (what->confined)
		protect_child();
	if (!what->inherits)
		close_on_exec();
	high = fcntl(report, F_DUPFD_CLOEXEC, 128); /* out of the moves' way */
	if (high >= 0)
		report = high;
	if (prepare(what, parent)) {
		/* exec(2) changes no argument, but its type does not say so. */
		char *const *arguments = (char *const *)(size_t)what->arguments;

		if (what->environment != NULL)
			execve(what->path, arguments, what->environment);
		else
			execv(what->path, arguments);
	}
	failure = errno;
	fd_write_all(report, &failure, sizeof failure);
	_exit(127);
}

bool spawn_reap(pid_t pid, int *death, int64_t most_ms)
{
	int64_t deadline = clock_ms() + most_ms;
	pid_t got;

	while ((got = waitpid(pid, death, WNOHANG)) == 0 || (got < 0 && errno == EINTR)) {
		if (clock_ms() >= deadline)
			return false;
		poll(NULL, 0, REAP_NAP_MS);
	}
	return got == pid;
}

bool spawn_wait(pid_t pid, int *death, int64_t most_ms)
{
	if (spawn_reap(pid, death, most_ms))
		return true;
	kill(pid, SIGKILL);
	spawn_reap(pid, death, KILLED_MS);
	return false;
}

/* Why it could not be executed, 0 when it was. The pipe's other end closes then. */
static int hear_failure(int report)
{
	struct pollfd wait = {.fd = report, .events = POLLIN};
	int64_t deadline = clock_ms() + EXEC_MS;
	int failure = 0;
	int ready;

	while ((ready = poll(&wait, 1, clock_left(deadline, clock_ms()))) < 0 && errno == EINTR)
		;
	if (ready == 0)
		return ETIMEDOUT;
	while (read(report, &failure, sizeof failure) < 0 && errno == EINTR)
		;
	return failure;
}

pid_t spawn(const struct spawn *what)
{
	sigset_t all, before;
	pid_t parent = getpid();
	int ends[2];
	int failure = 0;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0)
		child(what, parent, ends[1]);
	failure = pid < 0 ? errno : 0;
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(ends[1]);
	if (pid > 0 && (failure = hear_failure(ends[0])) != 0) {
		kill(pid, SIGKILL); /* a file system that does not answer keeps it in its exec */
		spawn_reap(pid, NULL, EXEC_MS);
		pid = -1;
	}
	close(ends[0]);
	errno = failure;
	return pid;
}
