#include "base/user.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"

enum { GROUPS_FIRST = 32, GROUPS_MOST = 65536 /* NGROUPS_MAX */ };

/* What user_end restores. A change of the effective user resets the two of prctl(2). */
static struct {
	bool begun;
	uid_t uid;
	gid_t gid;
	gid_t *groups;
	int group_count;
	int death_signal;
	int dumpable;
} before;

static bool find_groups(struct user *user)
{
	int count = GROUPS_FIRST;

	for (;;) {
		int room = count;

		user->groups = mem_grow(user->groups, (size_t)room, sizeof *user->groups);
		if (getgrouplist(user->name, user->gid, user->groups, &count) >= 0)
			break;
		if (count <= room)
			count = 2 * room;
		if (count > GROUPS_MOST)
			return false;
	}
	user->group_count = (size_t)count;
	return true;
}

bool user_find(struct user *user, const char *name)
{
	const struct passwd *entry = getpwnam(name);

	*user = (struct user){0};
	if (entry == NULL)
		return false;
	user->name = mem_text(name);
	user->home = mem_text(entry->pw_dir);
	user->uid = entry->pw_uid;
	user->gid = entry->pw_gid;
	return find_groups(user);
}

void user_find_other(struct user *user, const char *name)
{
	*user = (struct user){0};
	if (name != NULL && !user_find(user, name))
		die(STATUS_CONFIG, "there is no user '%s'", name);
	if (name != NULL && user_is_own(user))
		user_release(user);
}

void user_release(struct user *user)
{
	free(user->name);
	free(user->home);
	free(user->groups);
	*user = (struct user){0};
}

char *user_own_name(void)
{
	const struct passwd *entry = getpwuid(geteuid());

	return entry != NULL ? mem_text(entry->pw_name) : mem_printf("%u", (unsigned)geteuid());
}

bool user_is_own(const struct user *user)
{
	return user->uid == geteuid();
}

static bool has_capabilities(unsigned wanted)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

	return syscall(SYS_capget, &header, data) == 0 && (data[0].effective & wanted) == wanted;
}

const char *user_lack(void)
{
	if (geteuid() != 0) /* whose capabilities would outlive a change of the user */
		return "only root can start workers as another user";
	if (!has_capabilities(1U << CAP_SETUID | 1U << CAP_SETGID | 1U << CAP_KILL | 1U << CAP_CHOWN))
		return "this root lacks CAP_SETUID, CAP_SETGID, CAP_KILL or CAP_CHOWN, without which "
		       "it can't start workers as another user";
	return NULL;
}

static bool drop_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct nothing[_LINUX_CAPABILITY_U32S_3] = {0};

	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return syscall(SYS_capset, &header, nothing) == 0;
}

bool user_become(const struct user *user)
{
	/* Within user_begin the real user's capabilities first. */
	return seteuid(getuid()) == 0 && setgroups(user->group_count, user->groups) == 0 &&
	       setresgid(user->gid, user->gid, user->gid) == 0 &&
	       setresuid(user->uid, user->uid, user->uid) == 0 && drop_capabilities();
}

static _Noreturn void fail(const char *what)
{
	die(STATUS_SOFTWARE, "cannot %s: %s", what, strerror(errno));
}

void user_begin(const struct user *user)
{
	if (user->name == NULL || user_is_own(user))
		return;
	before.uid = geteuid();
	before.gid = getegid();
	before.group_count = getgroups(0, NULL);
	before.groups = mem_array((size_t)before.group_count + 1, sizeof *before.groups);
	before.group_count = getgroups(before.group_count, before.groups);
	before.dumpable = prctl(PR_GET_DUMPABLE);
	prctl(PR_GET_PDEATHSIG, &before.death_signal);
	if (before.group_count < 0 || setgroups(user->group_count, user->groups) < 0 ||
		setegid(user->gid) < 0 || seteuid(user->uid) < 0)
		fail("act as the workers' user");
	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_PDEATHSIG, before.death_signal);
	before.begun = true;
}

void user_end(void)
{
	if (!before.begun)
		return;
	before.begun = false;
	if (seteuid(before.uid) < 0 || setegid(before.gid) < 0 ||
		setgroups((size_t)before.group_count, before.groups) < 0)
		fail("act as root again");
	free(before.groups);
	before.groups = NULL;
	prctl(PR_SET_DUMPABLE, before.dumpable);
	prctl(PR_SET_PDEATHSIG, before.death_signal);
}
