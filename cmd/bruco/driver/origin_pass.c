#include "bruco/driver/origin_pass.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"

enum { ORIGIN_BYTES_MAX = 16 << 20 }; /* more than a command line can hold, and the text */

/* The overrides with a NUL behind each; then, if there is a text, another NUL and the text. The child's
 * number is that of this process: none of those that the child inherits has it. */
struct origin_pass origin_pass(const struct config *config)
{
	const struct texts *overrides = &config->overrides;
	struct origin_pass pass;
	struct buf all = {0};
	int fd;

	for (size_t i = 0; i < overrides->count; i++)
		buf_append(&all, overrides->items[i], strlen(overrides->items[i]) + 1);
	if (config->input != NULL) {
		buf_byte(&all, '\0');
		buf_append(&all, config->input, config->input_length);
	}
	fd = fd_memory("origin", all.data, all.length);
	pass.move = (struct spawn_move){fd, fd};
	snprintf(pass.option, sizeof pass.option, "--origin=%d", fd);
	buf_release(&all);
	return pass;
}

bool origin_receive(struct config *config, int fd)
{
	size_t length = 0;
	char *all = fd_read_all(fd, ORIGIN_BYTES_MAX, &length);
	const char *at = all, *end = all + length;
	bool good = all != NULL;

	for (; good && at < end && *at != '\0'; at += strlen(at) + 1)
		good = config_override(config, at);
	if (good && at < end)
		config_input(config, at + 1, (size_t)(end - at - 1));
	free(all);
	fd_close(&fd);
	return good;
}
