#include "base/owned_path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "unit.h"

static char why[OWNED_PATH_WHY];
static char folder[] = "/tmp/owned-XXXXXX";

static void begin(void)
{
	CHECK(mkdtemp(folder) != NULL);
}

static void end(void)
{
	char *command = mem_printf("rm -r %s", folder);

	CHECK(system(command) == 0);
	free(command);
}

static void expect(const char *name, const char *want)
{
	char *path = mem_printf("%s/%s", folder, name);
	bool good = path_is_owned(path, why);

	if (good != (want == NULL))
		unit_fail(__FILE__, __LINE__, "'%s' is %s: %s", name, good ? "taken" : "refused", good ? "" : why);
	if (want != NULL && strstr(why, want) == NULL)
		unit_fail(__FILE__, __LINE__, "'%s', not '%s'", why, want);
	free(path);
}

static void make(const char *name, mode_t mode)
{
	char *path = mem_printf("%s/%s", folder, name);

	CHECK(mkdir(path, 0700) == 0 && chmod(path, mode) == 0);
	free(path);
}

static void link_to(const char *target, const char *name)
{
	char *path = mem_printf("%s/%s", folder, name);

	CHECK(symlink(target, path) == 0);
	free(path);
}

TEST(folders_of_ours)
{
	begin();
	make("own", 0700);
	make("own/group", 0770); /* the group is this process's */
	make("own/group/in", 0755);
	expect("own", NULL);
	expect("own/group/in", NULL);
	expect("own//group/./in/", NULL);
	expect("own/not/yet/there", NULL);
	CHECK(path_is_owned("/", why));
	CHECK(path_is_owned("/usr/bin", why));
	CHECK(path_is_owned("/tmp/nothing-there", why));
	end();
}

TEST(folders_that_others_may_write_to)
{
	begin();
	make("open", 0777);
	make("open/own", 0700);
	make("sticky", 01777);
	expect("open", "others may write to '");
	expect("open/own", "/open' (mode 777)");
	expect("open/not/yet", "/open' (mode 777)");
	expect("sticky/x", geteuid() == 0 ? NULL : "/sticky' (mode 777)"); /* root's may be written to */
	end();
}

TEST(links)
{
	begin();
	make("open", 0777);
	make("open/own", 0700);
	make("target", 0700);
	link_to("target", "good");
	link_to("open/own", "bad");
	link_to("good", "twice");
	expect("good", NULL);
	expect("good/deeper", NULL);
	expect("twice/deeper", NULL);
	expect("bad", "/open' (mode 777)");
	expect("bad/deeper", "/open' (mode 777)");
	if (geteuid() == 0) { /* another's link to a folder of ours */
		char *path = mem_printf("%s/planted", folder);

		link_to("target", "planted");
		CHECK(lchown(path, 12345, 12345) == 0);
		expect("planted", "/planted' belongs to user 12345");
		expect("planted/deeper", "belongs to user 12345");
		free(path);
	}
	end();
}

TEST(folders_of_another)
{
	char *path;

	begin();
	path = mem_printf("%s/theirs", folder);
	make("theirs", 0755);
	if (geteuid() == 0) {
		CHECK(chown(path, 12345, 0) == 0);
		expect("theirs", "/theirs' belongs to user 12345");
		expect("theirs/x/y", "/theirs' belongs to user 12345");
	}
	free(path);
	end();
}

UNIT_MAIN
