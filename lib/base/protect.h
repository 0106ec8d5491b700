/*
 * Keeps other processes of the same user away from this one's memory, environment and descriptors.
 * Neither root with CAP_SYS_PTRACE is kept away nor whoever has begun to trace it before.
 */
#ifndef BASE_PROTECT_H
#define BASE_PROTECT_H

#include <stdbool.h>

#include "base/syscall_filter.h"

struct walls {
	int ruleset; /* of landlock_create; one for each child, which adds its own /proc/self */
	struct syscall_filter filter;
};

/* From now on this process is not dumpable (prctl(2)), so that ptrace(2) and what is private in
 * /proc/PID are refused to others, and leaves no core file. exec(2) undoes that, so each program
 * begins with it. */
void protect_begin(void);

/* Undoes it, for processor.isolation: none. Does nothing without protect_begin. */
void protect_end(void);

/* Moves the environment to where /proc/PID/environ does not show it, and wipes what was there: root
 * may read that file with CAP_SYS_ADMIN or CAP_PERFMON, too. Nothing may point into it yet. */
void protect_environment(void);

/* In a child before its exec: what it executes leaves no core file, gets no rights from set-user-ID
 * programs, and has no CAP_SYS_PTRACE, with which root would pass by protect_begin. */
void protect_child(void);

/* In a child, after protect_child: only the files of the ruleset, only the system calls of the filter.
 * False with errno. */
bool protect_strictly(const struct walls *walls);

/* Whether protect_child takes CAP_SYS_PTRACE away, or there is none. */
bool protect_is_effective(void);

#endif
