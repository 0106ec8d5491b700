#include "base/syscall_filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCHITECTURE AUDIT_ARCH_RISCV64
#else
#define ARCHITECTURE 0 /* unknown: strict can't be had */
#endif

#define X32_BIT 0x40000000U /* another table of system calls on x86-64 */

#define NAMESPACES                                                                                 \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |             \
		CLONE_NEWPID | CLONE_NEWNET)

struct call {
	const char *name;
	uint32_t number;
};

/* LATER: calls that older headers don't have; from the new mount API on they have one number everywhere. */
#define CALL(name) {#name, SYS_##name}
#define LATER(name, number) {#name, number}

static const struct call refused[] = {
	/* other processes */
	CALL(ptrace), CALL(process_vm_readv), CALL(process_vm_writev), LATER(pidfd_getfd, 438), CALL(kcmp),
	CALL(process_madvise), CALL(perf_event_open),
	/* the kernel */
	CALL(bpf), CALL(kexec_load), CALL(kexec_file_load), CALL(init_module), CALL(finit_module),
	CALL(delete_module), CALL(reboot), CALL(syslog), CALL(userfaultfd), LATER(io_uring_setup, 425),
	LATER(io_uring_enter, 426), LATER(io_uring_register, 427), CALL(personality),
	CALL(lookup_dcookie),
	/* keys */
	CALL(add_key), CALL(request_key), CALL(keyctl),
	/* mounts and namespaces */
	CALL(mount), CALL(umount2), CALL(pivot_root), CALL(chroot), CALL(unshare), CALL(setns),
	LATER(open_tree, 428), LATER(move_mount, 429), LATER(fsopen, 430), LATER(fsconfig, 431),
	LATER(fsmount, 432), LATER(fspick, 433), LATER(mount_setattr, 442), LATER(open_tree_attr, 467),
	CALL(open_by_handle_at), CALL(name_to_handle_at), CALL(fanotify_init),
	/* the machine */
	CALL(swapon), CALL(swapoff), CALL(settimeofday), CALL(clock_settime), CALL(clock_adjtime),
	CALL(adjtimex), CALL(sethostname), CALL(setdomainname), CALL(acct), CALL(quotactl),
	LATER(quotactl_fd, 443), CALL(nfsservctl), CALL(vhangup),
#if defined(__x86_64__)
	CALL(iopl), CALL(ioperm), CALL(modify_ldt), CALL(uselib), CALL(ustat), CALL(sysfs), CALL(_sysctl),
	CALL(create_module), CALL(get_kernel_syms), CALL(query_module),
#endif
};

enum { PROGRAM_MOST = 2 * COUNT(refused) + 32 };

struct program {
	struct sock_filter code[PROGRAM_MOST];
	unsigned short length;
};

static void add(struct program *program, uint16_t code, uint32_t value, uint8_t yes, uint8_t no)
{
	program->code[program->length++] = (struct sock_filter){code, yes, no, value};
}

static void load(struct program *program, size_t offset)
{
	add(program, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void answer(struct program *program, uint32_t action)
{
	add(program, BPF_RET | BPF_K, action, 0, 0);
}

static void refuse(struct program *program, int error)
{
	answer(program, SECCOMP_RET_ERRNO | ((uint32_t)error & SECCOMP_RET_DATA));
}

static void refuse_call(struct program *program, uint32_t number, int error)
{
	add(program, BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1);
	refuse(program, error);
}

/* Refuses the call when its argument, whose lower half is enough, has one of these bits; then loads the
 * number again. On little-endian machines, which those above are. */
static void refuse_bits(struct program *program, uint32_t number, size_t argument, uint32_t bits)
{
	add(program, BPF_JMP | BPF_JEQ | BPF_K, number, 0, 4);
	load(program, offsetof(struct seccomp_data, args) + argument * sizeof(uint64_t));
	add(program, BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1);
	refuse(program, EPERM);
	load(program, offsetof(struct seccomp_data, nr));
}

/* No other instruction set's system calls: their numbers differ. */
static void refuse_foreign(struct program *program)
{
	load(program, offsetof(struct seccomp_data, arch));
	add(program, BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0);
	refuse(program, EPERM);
	load(program, offsetof(struct seccomp_data, nr));
#if defined(__x86_64__)
	add(program, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1);
	refuse(program, EPERM);
#endif
}

bool syscall_filter_apply(const struct syscall_filter *filter)
{
	struct program program = {.length = 0};
	struct sock_fprog list;

	refuse_foreign(&program);
	for (size_t i = 0; i < COUNT(refused); i++)
		refuse_call(&program, refused[i].number, EPERM);
	refuse_call(&program, SYS_clone3, ENOSYS); /* its flags are in memory: the C library has clone */
	refuse_bits(&program, SYS_clone, 0, NAMESPACES);
	if (filter->refuse_network)
		refuse_call(&program, SYS_socket, EPERM);
	if (filter->refuse_truncate)
		refuse_call(&program, SYS_truncate, EPERM);
	answer(&program, SECCOMP_RET_ALLOW);
	list = (struct sock_fprog){program.length, program.code};
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &list) == 0;
}

const char *syscall_filter_refused(size_t index, uint32_t *number)
{
	if (index >= COUNT(refused))
		return NULL;
	*number = refused[index].number;
	return refused[index].name;
}

bool syscall_filter_is_possible(void)
{
	/* EFAULT from a kernel that would take a filter, EINVAL from one that would not. */
	return ARCHITECTURE != 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL) < 0 &&
	       errno == EFAULT;
}
