#include "base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"

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

static _Noreturn void child(const struct spawn *what, pid_t parent, int report)
{
	sigset_t none;
	int failure;
	int high;

	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (what->own_group)
		setpgid(0, 0);
	if (what->die_with_parent) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent) /* gone before the prctl */
			_exit(127);
	}
	high = fcntl(report, F_DUPFD_CLOEXEC, 128); /* out of the moves' way */
	if (high >= 0)
		report = high;
	if (move_descriptors(what->moves, what->move_count) == 0 &&
		(what->directory == NULL || chdir(what->directory) == 0)) {
		if (what->environment != NULL)
			execve(what->path, what->arguments, what->environment);
		else
			execv(what->path, what->arguments);
	}
	failure = errno;
	fd_write_all(report, &failure, sizeof failure);
	_exit(127);
}

pid_t spawn(const struct spawn *what)
{
	sigset_t all, before;
	pid_t parent = getpid();
	int ends[2];
	int failure = 0;
	ssize_t got;
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
	if (pid > 0) {
		do
			got = read(ends[0], &failure, sizeof failure);
		while (got < 0 && errno == EINTR);
		if (got != (ssize_t)sizeof failure)
			failure = 0;
		if (failure != 0) {
			while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
				;
			pid = -1;
		}
	}
	close(ends[0]);
	errno = failure;
	return pid;
}
