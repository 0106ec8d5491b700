/* Control groups as kernels show them, in a folder of our own. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cgroup.h"
#include "base/mem.h"
#include "base/processors.h"
#include "unit.h"

static char root[] = "/tmp/bruco-test-XXXXXX";

static void begin(void)
{
	CHECK(mkdtemp(root) != NULL);
}

static void end(void)
{
	char *command = mem_printf("rm -r '%s'", root);

	CHECK_INT(system(command), 0);
	free(command);
}

static void put(const char *path, const char *text)
{
	char *full = mem_printf("%s%s", root, path);
	FILE *file;

	for (char *slash = full + strlen(root) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
		*slash = '\0';
		mkdir(full, 0700);
		*slash = '/';
	}
	file = fopen(full, "w");
	CHECK(file != NULL);
	fputs(text, file);
	fclose(file);
	free(full);
}

static void put_version_2(const char *group)
{
	char *line = mem_printf("0::%s\n", group);

	put("/proc/self/cgroup", line);
	put("/proc/self/mountinfo",
		"22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
		"35 24 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n");
	free(line);
}

static void put_version_1(const char *in_it, const char *group)
{
	char *groups = mem_printf("12:pids:/\n4:cpu,cpuacct:%s\n3:memory:%s\n0::/\n", group, group);
	char *mounts = mem_printf(
		"31 24 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
		"33 24 0:29 %s /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
		"34 24 0:30 %s /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n",
		in_it, in_it);

	put("/proc/self/cgroup", groups);
	put("/proc/self/mountinfo", mounts);
	free(groups);
	free(mounts);
}

TEST(nothing_is_known)
{
	begin();
	CHECK_INT(cgroup_processors(root), 0);
	CHECK_INT(cgroup_oom_kills(root), -1);
	put("/proc/self/cgroup", "");
	put("/proc/self/mountinfo", "nonsense\n\n - \n");
	CHECK_INT(cgroup_processors(root), 0);
	CHECK_INT(cgroup_oom_kills(root), -1);
	put_version_2("/");
	CHECK_INT(cgroup_processors(root), 0);
	CHECK_INT(cgroup_oom_kills(root), -1);
	end();
}

TEST(version_2)
{
	begin();
	put_version_2("/a.slice/b.service");
	put("/sys/fs/cgroup/a.slice/b.service/cpu.max", "max 100000\n");
	CHECK_INT(cgroup_processors(root), 0);
	put("/sys/fs/cgroup/a.slice/b.service/cpu.max", "150000 100000\n");
	CHECK_INT(cgroup_processors(root), 2);
	put("/sys/fs/cgroup/a.slice/b.service/cpu.max", "200000 100000\n");
	CHECK_INT(cgroup_processors(root), 2);
	put("/sys/fs/cgroup/a.slice/b.service/cpu.max", "1000 100000\n");
	CHECK_INT(cgroup_processors(root), 1);
	put("/sys/fs/cgroup/a.slice/b.service/cpu.max", "900000 100000\n");
	put("/sys/fs/cgroup/a.slice/cpu.max", "300000 100000\n"); /* those above count, too */
	CHECK_INT(cgroup_processors(root), 3);
	put("/sys/fs/cgroup/a.slice/b.service/memory.events",
		"low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n");
	CHECK_INT(cgroup_oom_kills(root), 2);
	end();
}

TEST(version_1)
{
	begin();
	put_version_1("/", "/user");
	put("/sys/fs/cgroup/cpu,cpuacct/user/cpu.cfs_quota_us", "-1\n");
	put("/sys/fs/cgroup/cpu,cpuacct/user/cpu.cfs_period_us", "100000\n");
	CHECK_INT(cgroup_processors(root), 0);
	put("/sys/fs/cgroup/cpu,cpuacct/user/cpu.cfs_quota_us", "250000\n");
	CHECK_INT(cgroup_processors(root), 3);
	put("/sys/fs/cgroup/memory/user/memory.oom_control",
		"oom_kill_disable 0\nunder_oom 0\noom_kill 7\n");
	CHECK_INT(cgroup_oom_kills(root), 7);
	end();
}

/* As in a container: what is mounted is our own group, and its name is that of outside. */
TEST(a_group_that_is_the_top_of_what_is_mounted)
{
	begin();
	put_version_1("/docker/12ab", "/docker/12ab");
	put("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "100000\n");
	put("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "50000\n");
	put("/sys/fs/cgroup/memory/memory.oom_control", "oom_kill 1\n");
	CHECK_INT(cgroup_processors(root), 2);
	CHECK_INT(cgroup_oom_kills(root), 1);
	put_version_1("/", "/elsewhere/that/is/not/here");
	CHECK_INT(cgroup_processors(root), 2);
	CHECK_INT(cgroup_oom_kills(root), 1);
	end();
}

TEST(there_is_a_processor)
{
	CHECK(processors_available() >= 1);
}

UNIT_MAIN
