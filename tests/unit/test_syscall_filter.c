/*
 * Each call that the filter refuses, and all others, one by one and without doing any: a first filter answers
 * PROBE to every call that the test itself does not need. Of two filters that refuse, the later one's error counts,
 * so that it is ours where ours refuses, and PROBE where it lets a call through.
 */
#include "base/syscall_filter.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "unit.h"

enum { NUMBERS = 1024, PROBE = 777, X32 = 0x40000000 };

/* What the child needs, for itself and for the second filter; and what the kernel keeps from filters, since it is
 * for its own trampolines: SIGILL to whoever else does it. */
static const uint32_t needed[] = {SYS_prctl, SYS_exit_group, SYS_rt_sigreturn,
#if defined(__x86_64__)
	335 /* uretprobe */, 336 /* uprobe */
#endif
};

static bool is_needed(uint32_t number)
{
	for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
		if (needed[i] == number)
			return true;
	return false;
}

static bool probe(void)
{
	struct sock_filter code[2 * sizeof needed / sizeof needed[0] + 2] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0)};
	unsigned short length = 1;
	struct sock_fprog list = {.filter = code};

	for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
		code[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, needed[i], 0, 1);
		code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	}
	code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | PROBE);
	list.len = length;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &list) == 0;
}

static int error_of(long number, long first)
{
	return syscall(number, first, 0, 0, 0, 0, 0) < 0 ? errno : 0;
}

/* What a call with this first argument ends with, behind the filter, for `count` calls from `number` on. */
static int *errors(const struct syscall_filter *filter, long number, long first, size_t count)
{
	int *found = mmap(NULL, (count + 1) * sizeof *found, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		if (!probe() || !syscall_filter_apply(filter))
			_exit(1);
		for (size_t i = 0; i < count; i++)
			if (!is_needed((uint32_t)number + (uint32_t)i))
				found[i] = error_of(number + (long)i, first);
		_exit(0);
	}
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(status, 0);
	return found;
}

static int error_with(const struct syscall_filter *filter, long number, long first)
{
	return errors(filter, number, first, 1)[0];
}

static const char *name_of(uint32_t wanted)
{
	const char *name;
	uint32_t number;

	for (size_t i = 0; (name = syscall_filter_refused(i, &number)) != NULL; i++)
		if (number == wanted)
			return name;
	return NULL;
}

TEST(each_call_of_the_table_is_refused_and_no_other)
{
	const struct syscall_filter filter = {0};
	const int *found = errors(&filter, 0, 0, NUMBERS);
	size_t refused = 0, listed = 0;
	uint32_t number;

	while (syscall_filter_refused(listed, &number) != NULL) {
		CHECK(number < NUMBERS);
		listed++;
	}
	for (uint32_t i = 0; i < NUMBERS; i++) {
		const char *name = name_of(i);
		int wanted = name != NULL ? EPERM : i == SYS_clone3 ? ENOSYS : PROBE;

		if (!is_needed(i) && found[i] != wanted)
			unit_fail(__FILE__, __LINE__, "call %u (%s) ends with %d, not %d", i,
				name == NULL ? "not in the table" : name, found[i], wanted);
		refused += found[i] == EPERM;
	}
	CHECK_INT(refused, listed);
	CHECK(refused > 50);
}

TEST(each_kind_of_namespace_is_refused_and_processes_are_not)
{
	static const long kinds[] = {CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID,
		CLONE_NEWNET};
	const struct syscall_filter filter = {0};

	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		CHECK_INT(error_with(&filter, SYS_clone, kinds[i] | SIGCHLD), EPERM);
		CHECK_INT(error_with(&filter, SYS_clone, kinds[i] | CLONE_VM | CLONE_THREAD), EPERM);
	}
	CHECK_INT(error_with(&filter, SYS_clone, SIGCHLD), PROBE);
	CHECK_INT(error_with(&filter, SYS_clone, CLONE_VM | CLONE_THREAD | CLONE_SIGHAND), PROBE);
}

TEST(sockets_and_truncate_are_refused_where_that_is_asked_for)
{
	const struct syscall_filter none = {0}, both = {.refuse_network = true, .refuse_truncate = true};

	for (long family = 0; family < 50; family++)
		CHECK_INT(error_with(&both, SYS_socket, family), EPERM);
	CHECK_INT(error_with(&both, SYS_socketpair, 1), PROBE);
	CHECK_INT(error_with(&both, SYS_truncate, 0), EPERM);
	CHECK_INT(error_with(&none, SYS_socket, 2), PROBE);
	CHECK_INT(error_with(&none, SYS_truncate, 0), PROBE);
}

#if defined(__x86_64__)
TEST(no_call_of_another_table_passes)
{
	const struct syscall_filter filter = {0};
	const int *found = errors(&filter, X32, 0, NUMBERS);
	pid_t pid;
	int status = -1;

	for (size_t i = 0; i < NUMBERS; i++)
		if (!is_needed(X32 + (uint32_t)i))
			CHECK_INT(found[i], EPERM);
	pid = fork();
	if (pid == 0) {
		long result = 20; /* getpid of 32 bits */

		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !syscall_filter_apply(&filter))
			_exit(1);
		__asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
		_exit((int)result == -EPERM ? 0 : 2);
	}
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK(status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV)); /* a kernel without them */
}
#endif

UNIT_MAIN
