/*
 * Starting a program: 0 to 2 and a list of moves are all the descriptors that it gets, signals as
 * signals_reset leaves them, death with its parent, and a failed exec reported to the caller instead of as a child's status.
 */
#ifndef BASE_SPAWN_H
#define BASE_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "base/protect.h"
#include "base/user.h"

struct spawn_move {
	int from; /* in this process; stays open here */
	int to;   /* in the child */
};

struct spawn {
	const char *path;             /* the file to execute; no search */
	const char *const *arguments; /* NULL-terminated; [0] is the name */
	char *const *environment;     /* NULL: this process's */
	const char *directory;        /* NULL: this one */
	const struct spawn_move *moves;
	size_t move_count;
	bool die_with_parent; /* SIGKILL when this process ends */
	bool own_group;       /* a process group of its own */
	bool confined;        /* with what protect_child takes away */
	const struct walls *walls; /* what protect_strictly takes, too; NULL: nothing */
	const struct user *user;   /* as whom it runs, in a session of its own; NULL: as this process */
	const struct rlimit *files; /* its RLIMIT_NOFILE; NULL: this process's */
	bool inherits;        /* also descriptors that this process was given open across exec */
};

/* The child's pid, or -1 with errno (that of fork, chdir or exec in the child; ETIMEDOUT when
 * nothing was heard of the exec for half a minute). */
pid_t spawn(const struct spawn *what);

/* Waits at most that long for a child that ends, or that was killed: one that the kernel or a
 * debugger holds may not die. False when it is still there; *death (may be NULL) is waitpid(2)'s.
 */
bool spawn_reap(pid_t pid, int *death, int64_t most_ms);

/* Waits at most that long for a child that ends by itself, then kills and reaps it. False when it
 * had to be killed. */
bool spawn_wait(pid_t pid, int *death, int64_t most_ms);

#endif
