#include "bruco/dev/child.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/spawn.h"
#include "base/status.h"
#include "bruco/driver/process.h"

/* A pipe of which the child gets this end as that descriptor; our end goes to *ours. */
static void add_pipe(struct spawn *what, struct spawn_move *moves, int end, int to, int *ours)
{
	int ends[2];

	if (ours == NULL)
		return;
	if (fd_pipe(ends, 0) < 0)
		die(status_of_error(errno), "cannot make a pipe: %s", strerror(errno));
	moves[what->move_count++] = (struct spawn_move){ends[end], to};
	*ours = ends[!end];
}

pid_t child_start(const char *const *arguments, int *to, int *from)
{
	struct spawn_move moves[2];
	char *path = launch_program(arguments[0]);
	struct spawn what = {.path = path,
		.arguments = arguments,
		.moves = moves,
		.die_with_parent = true,
		.own_group = true};
	pid_t pid;

	add_pipe(&what, moves, 0, STDIN_FILENO, to);
	add_pipe(&what, moves, 1, STDOUT_FILENO, from);
	pid = spawn(&what);
	if (pid < 0)
		die(STATUS_UNAVAILABLE, "cannot run '%s': %s", path, strerror(errno));
	for (size_t i = 0; i < what.move_count; i++)
		close(moves[i].from);
	free(path);
	return pid;
}
