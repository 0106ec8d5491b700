#include "base/signals.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"

static bool is_ignored(int number)
{
	struct sigaction action;

	return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

void signals_reset(void)
{
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		if (number != SIGHUP || !is_ignored(SIGHUP))
			signal(number, SIG_DFL);
	sigemptyset(&none);
	if (getpid() == 1) { /* no default action ends it: the kernel drops what is not blocked */
		sigaddset(&none, SIGTERM);
		sigaddset(&none, SIGINT);
	}
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static sigset_t taken; /* what signals_init's descriptor takes */

int signals_init(int children)
{
	int fd;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);
	signal(SIGUSR2, SIG_IGN);
	sigemptyset(&taken);
	sigaddset(&taken, SIGTERM);
	sigaddset(&taken, SIGINT);
	if (!is_ignored(SIGHUP)) /* the descriptor would show it all the same */
		sigaddset(&taken, SIGHUP);
	if (children)
		sigaddset(&taken, SIGCHLD);
	sigprocmask(SIG_BLOCK, &taken, NULL);
	fd = signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		die(status_of_error(errno), "cannot take signals: %s", strerror(errno));
	return fd;
}

void signals_take(int fd, int number)
{
	sigaddset(&taken, number);
	sigprocmask(SIG_BLOCK, &taken, NULL);
	signal(number, SIG_DFL); /* one that is ignored never comes; blocked, its action does nothing */
	if (signalfd(fd, &taken, SFD_CLOEXEC | SFD_NONBLOCK) < 0)
		die(status_of_error(errno), "cannot take signals: %s", strerror(errno));
}

bool signals_repeated(void)
{
	static _Atomic int64_t first_ms; /* 0: no end was asked for yet */
	int64_t now_ms = clock_ms(), before = 0;

	if (atomic_compare_exchange_strong(&first_ms, &before, now_ms))
		return false;
	return now_ms < before + SIGNALS_REPEAT_MS;
}

static bool hangup_ends = true;

void signals_hangup_ends(bool ends)
{
	hangup_ends = ends;
}

static bool asks_for_an_end(uint32_t number)
{
	return number == SIGTERM || number == SIGINT || (number == SIGHUP && hangup_ends);
}

int signals_next(int fd)
{
	struct signalfd_siginfo info;

	for (;;) {
		ssize_t got = read(fd, &info, sizeof info);

		if (got == (ssize_t)sizeof info) {
			if (asks_for_an_end(info.ssi_signo) && signals_repeated())
				continue;
			return (int)info.ssi_signo;
		}
		if (got < 0 && errno == EINTR)
			continue;
		return 0;
	}
}

_Noreturn void signals_die(int signal_number)
{
	sigset_t set;

	signal(signal_number, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, signal_number);
	raise(signal_number);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	_exit(128 + signal_number);
}

const char *signals_name(int number)
{
	static const char *const names[] = {
		[SIGHUP] = "HUP", [SIGINT] = "INT", [SIGQUIT] = "QUIT", [SIGILL] = "ILL", [SIGTRAP] = "TRAP",
		[SIGABRT] = "ABRT", [SIGBUS] = "BUS", [SIGFPE] = "FPE", [SIGKILL] = "KILL", [SIGUSR1] = "USR1",
		[SIGSEGV] = "SEGV", [SIGUSR2] = "USR2", [SIGPIPE] = "PIPE", [SIGALRM] = "ALRM",
		[SIGTERM] = "TERM", [SIGSTKFLT] = "STKFLT", [SIGCHLD] = "CHLD", [SIGCONT] = "CONT",
		[SIGSTOP] = "STOP", [SIGTSTP] = "TSTP", [SIGTTIN] = "TTIN", [SIGTTOU] = "TTOU", [SIGURG] = "URG",
		[SIGXCPU] = "XCPU", [SIGXFSZ] = "XFSZ", [SIGVTALRM] = "VTALRM", [SIGPROF] = "PROF",
		[SIGWINCH] = "WINCH", [SIGPOLL] = "POLL", [SIGPWR] = "PWR", [SIGSYS] = "SYS"};

	return number > 0 && number < (int)(sizeof names / sizeof names[0]) ? names[number] : NULL;
}
