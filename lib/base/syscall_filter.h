/*
 * A deny-list of system calls that no handler needs: what looks into other processes, changes the
 * machine, or opens much of the kernel to attack. Refused with EPERM (seccomp(2)), for what is executed
 * and started, too.
 */
#ifndef BASE_SYSCALL_FILTER_H
#define BASE_SYSCALL_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct syscall_filter {
	bool refuse_network; /* socket(2), of any family; socketpair(2) stays */
	bool refuse_truncate; /* truncate(2), which an old Landlock does not hold */
};

/* From now on. Needs PR_SET_NO_NEW_PRIVS. False with errno. Calls nothing that a child may not call
 * before exec. */
bool syscall_filter_apply(const struct syscall_filter *filter);

/* The calls that are refused whatever their arguments are: the name of one, and its number here; NULL behind the
 * last. For tests. */
const char *syscall_filter_refused(size_t index, uint32_t *number);

/* Whether this machine's instruction set is known and the kernel filters. */
bool syscall_filter_is_possible(void);

#endif
