#include "base/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What Debian 12's header does not have yet. */
#define FS_REFER        (UINT64_C(1) << 13) /* 2 */
#define FS_TRUNCATE     (UINT64_C(1) << 14) /* 3 */
#define FS_IOCTL_DEV    (UINT64_C(1) << 15) /* 5 */
#define NET_TCP         UINT64_C(3)         /* 4: bind and connect */
#define SCOPE_SOCKETS   (UINT64_C(1) << 0)  /* 6: abstract UNIX sockets */
#define SCOPE_SIGNALS   (UINT64_C(1) << 1)
#define FS_FIRST        (FS_REFER - 1)      /* all that the first version knows */

#define FS_READ  (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | FS_LIST)
#define FS_LIST  LANDLOCK_ACCESS_FS_READ_DIR
#define FS_DATA  (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE)
/* No device files: what makes them could read any disk. */
#define FS_WRITE                                                                                   \
	((FS_FIRST | FS_REFER | FS_TRUNCATE) &                                                     \
		~(uint64_t)(LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK))
#define FS_OF_FILES                                                                                \
	(FS_DATA | LANDLOCK_ACCESS_FS_EXECUTE | FS_TRUNCATE | FS_IOCTL_DEV) /* not of folders */

/* struct landlock_ruleset_attr as it is today; older kernels take a shorter one. */
struct ruleset {
	uint64_t files;
	uint64_t network;
	uint64_t scopes;
};

static const uint64_t rights[] = {[LANDLOCK_READ] = FS_READ,
	[LANDLOCK_LIST] = FS_LIST,
	[LANDLOCK_WRITE] = FS_WRITE,
	[LANDLOCK_DEVICE] = FS_DATA};

static int known_abi;

int landlock_abi(void)
{
	long abi = syscall(
		SYS_landlock_create_ruleset, NULL, (size_t)0, LANDLOCK_CREATE_RULESET_VERSION);

	known_abi = abi < 0 ? 0 : (int)abi;
	return known_abi;
}

/* All that this kernel can hold. */
static uint64_t all_files(void)
{
	uint64_t all = FS_FIRST;

	if (known_abi >= 2)
		all |= FS_REFER;
	if (known_abi >= LANDLOCK_ABI_TRUNCATE)
		all |= FS_TRUNCATE;
	if (known_abi >= 5)
		all |= FS_IOCTL_DEV;
	return all;
}

int landlock_create(bool network)
{
	struct ruleset all = {0};
	size_t size = sizeof all.files;

	landlock_abi();
	all.files = all_files();
	if (known_abi >= LANDLOCK_ABI_NETWORK) {
		all.network = network ? 0 : NET_TCP;
		size += sizeof all.network;
	}
	if (known_abi >= LANDLOCK_ABI_SCOPE) {
		all.scopes = SCOPE_SOCKETS | SCOPE_SIGNALS;
		size += sizeof all.scopes;
	}
	return (int)syscall(SYS_landlock_create_ruleset, &all, size, 0U);
}

bool landlock_allow(int ruleset, const char *path, enum landlock_right right)
{
	struct landlock_path_beneath_attr rule = {.allowed_access = rights[right] & all_files()};
	struct stat info;
	bool added = false;
	int failure;

	rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd < 0)
		return false;
	if (fstat(rule.parent_fd, &info) == 0) {
		if (!S_ISDIR(info.st_mode))
			rule.allowed_access &= FS_OF_FILES;
		added = rule.allowed_access == 0 || syscall(SYS_landlock_add_rule, ruleset,
			LANDLOCK_RULE_PATH_BENEATH, &rule, 0U) == 0;
	}
	failure = errno;
	close(rule.parent_fd);
	errno = failure;
	return added;
}

bool landlock_restrict(int ruleset)
{
	return syscall(SYS_landlock_restrict_self, ruleset, 0U) == 0;
}
