/*
 * The control group that this process is in, of version 1 or 2: what it allows, and what the kernel
 * has done in it. Where there is none, or it can't be read, nothing is known.
 *
 * `root` is put before each path that is read: "" but for tests.
 */
#ifndef BASE_CGROUP_H
#define BASE_CGROUP_H

#include <stdint.h>

/* How many processors at once the quotas of this group and of those above it amount to, rounded up;
 * 0: there is no quota. */
uint32_t cgroup_processors(const char *root);

/* How many processes of this group the kernel has killed so far because memory was short; -1: not
 * known. */
int64_t cgroup_oom_kills(const char *root);

#endif
