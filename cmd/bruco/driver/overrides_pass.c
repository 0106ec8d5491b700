#include "bruco/driver/overrides_pass.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"

enum { OVERRIDES_BYTES_MAX = 16 << 20 }; /* more than a command line can hold */

/* The child's number is that of this process: none of those that the child inherits has it. */
struct overrides_pass overrides_pass(const struct texts *overrides)
{
	struct overrides_pass pass;
	struct buf all = {0};
	int fd;

	for (size_t i = 0; i < overrides->count; i++)
		buf_append(&all, overrides->items[i], strlen(overrides->items[i]) + 1);
	fd = fd_memory("overrides", all.data, all.length);
	pass.move = (struct spawn_move){fd, fd};
	snprintf(pass.option, sizeof pass.option, "--overrides=%d", fd);
	buf_release(&all);
	return pass;
}

bool overrides_receive(struct config *config, int fd)
{
	size_t length = 0;
	char *all = fd_read_all(fd, OVERRIDES_BYTES_MAX, &length);
	bool good = all != NULL;

	for (const char *at = all; good && at < all + length; at += strlen(at) + 1)
		good = config_override(config, at);
	free(all);
	fd_close(&fd);
	return good;
}
