/*
 * A program that the user names, run by a source or sink again and again: its pipes, what it says on standard
 * error (a log line for each line), its end, and when it may be started again. All that is waited for is behind
 * one descriptor.
 *
 * It is its process group's leader. When it has ended, or this process has, what is left of the group is
 * killed: the first by us, the second by the kernel as far as the program itself goes (PR_SET_PDEATHSIG).
 */
#ifndef SUBPROCESS_SUBPROCESS_H
#define SUBPROCESS_SUBPROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "config/config.h"

enum { SUBPROCESS_HEALTHY_MS = 60000 }; /* failures before so long a run are forgotten */
enum { SUBPROCESS_TEXT_MAX = 512 };

/* Which ends of it are pipes of ours. Else its standard input is empty and its standard output this process's. */
enum subprocess_pipes { SUBPROCESS_READS = 1, SUBPROCESS_PRINTS = 2 };

struct subprocess {
	const char *name; /* for messages: the program's, without its folder */
	const struct texts *command;
	char **environment;
	unsigned pipes;
	bool confined; /* no further rights, no core file */
	int epoll;
	pid_t pid;     /* 0: there is none */
	int process;   /* its pidfd */
	int in, out;   /* our ends; -1: closed */
	int error;
	bool watches_in, watches_out;
	struct buf line;     /* of standard error, not whole yet */
	struct buf complaint; /* the last one */
	int64_t started_ms;
	int64_t start_due;   /* clock_ms: not before */
	unsigned failures;   /* in a row */
	int64_t term_due, kill_due; /* clock_ms; -1: never */
	int unread;          /* bytes in its standard input when the last one ended */
	int death;           /* of the last one, as waitpid(2) gave it */
};

/* `environment` is taken over. */
void subprocess_init(struct subprocess *subprocess, const struct texts *command, char **environment,
	unsigned pipes, const struct config *config);

/* False, with errno. */
bool subprocess_start(struct subprocess *subprocess);

static inline bool subprocess_runs(const struct subprocess *subprocess)
{
	return subprocess->pid > 0;
}

/* Whether there is none, and it is time for one. */
bool subprocess_is_due(const struct subprocess *subprocess);

/* Whether `in` has room, or `out` has something (or its end), is to wake up who waits for the descriptor. */
void subprocess_watch(struct subprocess *subprocess, bool in, bool out);
void subprocess_close_in(struct subprocess *subprocess);
void subprocess_close_out(struct subprocess *subprocess);

/* Logs what it says, ends it if that is due; true once when it has ended. Its output may still have to be read,
 * of which there is no more after EAGAIN then. */
bool subprocess_work(struct subprocess *subprocess);
/* Milliseconds until that is to be called again, -1: not before the descriptor is readable. */
int subprocess_timeout(const struct subprocess *subprocess);

/* After so many milliseconds SIGTERM to its group; some seconds later SIGKILL. The sooner of two calls counts. */
void subprocess_end(struct subprocess *subprocess, int64_t patience_ms);
/* SIGKILL to the group, and waits for it. */
void subprocess_kill(struct subprocess *subprocess);

/* Whether the last one exited with status 0. */
bool subprocess_was_good(const struct subprocess *subprocess);
/* "ended with status 1: no such table", "was killed by signal 9 (SIGKILL)" */
void subprocess_death(const struct subprocess *subprocess, char text[SUBPROCESS_TEXT_MAX]);

/* It has failed, in this way. False: more often in a row than `most`, which an error says. Else it is to be
 * started after a pause, which a warning says, with `then` behind it. */
bool subprocess_failed(struct subprocess *subprocess, uint32_t most, const char *how, const char *then);
/* It has done what it was for: failures before it are forgotten. */
void subprocess_succeeded(struct subprocess *subprocess, int64_t pause_ms);

#endif
