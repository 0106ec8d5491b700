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

/* Calls of the new mount API and later have one number on all machines. */
static const uint32_t refused[] = {
	/* other processes */
	SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, 438 /* pidfd_getfd */, SYS_kcmp,
	SYS_process_madvise, SYS_perf_event_open,
	/* the kernel */
	SYS_bpf, SYS_kexec_load, SYS_kexec_file_load, SYS_init_module, SYS_finit_module,
	SYS_delete_module, SYS_reboot, SYS_syslog, SYS_userfaultfd, 425 /* io_uring_setup */,
	426 /* io_uring_enter */, 427 /* io_uring_register */, SYS_personality,
	SYS_lookup_dcookie,
	/* keys */
	SYS_add_key, SYS_request_key, SYS_keyctl,
	/* mounts and namespaces */
	SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_unshare, SYS_setns,
	428 /* open_tree */, 429 /* move_mount */, 430 /* fsopen */, 431 /* fsconfig */,
	432 /* fsmount */, 433 /* fspick */, 442 /* mount_setattr */, 467 /* open_tree_attr */,
	SYS_open_by_handle_at, SYS_name_to_handle_at, SYS_fanotify_init,
	/* the machine */
	SYS_swapon, SYS_swapoff, SYS_settimeofday, SYS_clock_settime, SYS_clock_adjtime,
	SYS_adjtimex, SYS_sethostname, SYS_setdomainname, SYS_acct, SYS_quotactl,
	443 /* quotactl_fd */, SYS_nfsservctl, SYS_vhangup,
#if defined(__x86_64__)
	SYS_iopl, SYS_ioperm, SYS_modify_ldt, SYS_uselib, SYS_ustat, SYS_sysfs, SYS__sysctl,
	SYS_create_module, SYS_get_kernel_syms, SYS_query_module,
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
		refuse_call(&program, refused[i], EPERM);
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

bool syscall_filter_is_possible(void)
{
	/* EFAULT from a kernel that would take a filter, EINVAL from one that would not. */
	return ARCHITECTURE != 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL) < 0 &&
	       errno == EFAULT;
}
