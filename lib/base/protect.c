#include "base/protect.h"

#include <linux/capability.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/landlock.h"
#include "base/mem.h"

extern char **environ;

static struct rlimit core_before;
static bool begun;

void protect_begin(void)
{
	struct rlimit none;

	prctl(PR_SET_DUMPABLE, 0);
	getrlimit(RLIMIT_CORE, &core_before);
	none = (struct rlimit){0, core_before.rlim_max}; /* protect_end can raise it again */
	setrlimit(RLIMIT_CORE, &none);
	begun = true;
}

void protect_end(void)
{
	if (!begun)
		return;
	setrlimit(RLIMIT_CORE, &core_before);
	prctl(PR_SET_DUMPABLE, 1);
	begun = false;
}

void protect_environment(void)
{
	size_t count = 0;
	char **copy;

	while (environ[count] != NULL)
		count++;
	copy = mem_array(count + 1, sizeof *copy);
	for (size_t i = 0; i < count; i++) {
		copy[i] = mem_text(environ[i]);
		explicit_bzero(environ[i], strlen(environ[i]));
	}
	environ = copy;
}

void protect_child(void)
{
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
	prctl(PR_CAPBSET_DROP, CAP_SYS_PTRACE); /* fails for those who don't have it */
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

bool protect_strictly(const struct walls *walls)
{
	return landlock_allow(walls->ruleset, "/proc/self", LANDLOCK_READ) &&
	       landlock_restrict(walls->ruleset) && syscall_filter_apply(&walls->filter);
}

/* This process's effective capabilities up to the 31st, a bit each. */
static unsigned capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

	return syscall(SYS_capget, &header, data) < 0 ? ~0U : data[0].effective;
}

bool protect_is_effective(void)
{
	unsigned have = capabilities();

	return (have & 1U << CAP_SYS_PTRACE) == 0 || (have & 1U << CAP_SETPCAP) != 0;
}
