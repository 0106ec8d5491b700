#include "fuzz.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "frame/frame.h"

void fuzz_fail(const char *file, int line, const char *condition)
{
	fprintf(stderr, "%s:%d: %s is false\n", file, line, condition);
	abort();
}

uint8_t fuzz_byte(struct fuzz_input *input)
{
	if (input->length == 0)
		return 0;
	input->length--;
	return *input->data++;
}

static uint8_t *copy_with(const struct fuzz_input *input, size_t more)
{
	uint8_t *copy = malloc(input->length + more);

	if (copy == NULL)
		abort();
	if (input->length > 0)
		memcpy(copy, input->data, input->length);
	return copy;
}

uint8_t *fuzz_rest(const struct fuzz_input *input)
{
	return copy_with(input, 0);
}

char *fuzz_text(const struct fuzz_input *input)
{
	uint8_t *copy = copy_with(input, 1);

	copy[input->length] = '\0';
	return (char *)copy;
}

void fuzz_seal_frames(uint8_t *data, size_t length)
{
	while (length >= FRAME_HEADER) {
		uint32_t size = get_u32(data + 8);

		if (size > length)
			size = (uint32_t)length;
		if (size < FRAME_HEADER)
			size = FRAME_HEADER;
		put_u16(data, FRAME_MAGIC);
		data[2] = FRAME_VERSION;
		put_u32(data + 8, size);
		put_u32(data + 12, frame_check(data));
		data += size;
		length -= size;
	}
}

int fuzz_free_fd(void)
{
	int fd = dup(STDIN_FILENO);

	close(fd);
	return fd;
}


static char folder[256];

static void leave_folder(void)
{
	struct dirent *entry;
	DIR *list = opendir(".");

	while (list != NULL && (entry = readdir(list)) != NULL)
		unlink(entry->d_name);
	closedir(list);
	rmdir(folder);
}

void fuzz_enter_folder(void)
{
	const char *parent = getenv("TMPDIR");

	snprintf(folder, sizeof folder, "%s/bruco-fuzz-XXXXXX", parent == NULL ? "/tmp" : parent);
	if (mkdtemp(folder) == NULL || chdir(folder) < 0)
		abort();
	atexit(leave_folder);
}

void fuzz_write_file(const char *path, const void *data, size_t length)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || fd_write_all(fd, data, length) < 0)
		abort();
	fd_close(&fd);
}
