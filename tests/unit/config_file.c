#include "config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

char folder[64];

static void leave_folder(void)
{
	(void)!chdir("/");
	for (const char *const *name = (const char *const[]){"config.yaml", "handler.py", "secret",
		     "sub/config.yaml", "sub", NULL};
		*name != NULL; name++) {
		char path[128];

		snprintf(path, sizeof path, "%s/%s", folder, *name);
		remove(path);
	}
	remove(folder);
}

void enter_folder(void)
{
	char *absolute;

	if (folder[0] != '\0')
		return;
	strcpy(folder, "/tmp/bruco-config-XXXXXX");
	CHECK(mkdtemp(folder) != NULL);
	CHECK(chdir(folder) == 0);
	absolute = realpath(folder, NULL);
	CHECK(strlen(absolute) < sizeof folder);
	strcpy(folder, absolute);
	free(absolute);
	atexit(leave_folder);
}

void write_file(const char *path, const void *data, size_t length)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CHECK(fd >= 0);
	CHECK(fd_write_all(fd, data, length) == 0);
	fd_close(&fd);
}

struct config config;
struct buf notes;

/* Keeps it where BRUCO_CONFIGS says, for tests/schema. */
static void keep(const void *data, size_t length)
{
	static unsigned count;
	const char *into = getenv("BRUCO_CONFIGS");
	char path[512];

	if (into == NULL)
		return;
	snprintf(path, sizeof path, "%s/%s-%d-%u.yaml", into, program_invocation_short_name,
		(int)getpid(), count++);
	write_file(path, data, length);
}

size_t load_bytes(const void *data, size_t length, unsigned sections)
{
	enter_folder();
	write_file("config.yaml", data, length);
	keep(data, length);
	config_release(&config);
	config_init(&config);
	buf_reset(&notes);
	return config_load(&config, "config.yaml", sections, &notes);
}

size_t load(const char *text)
{
	return load_bytes(text, strlen(text), SECTION_ALL);
}

const char *said(void)
{
	buf_byte(&notes, '\0');
	notes.length--;
	return (const char *)notes.data;
}
