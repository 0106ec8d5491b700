/* Descriptors, and what happens when there are none left. */
#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/status.h"
#include "unit.h"

static void limit_files(rlim_t most)
{
	struct rlimit limit = {.rlim_cur = most, .rlim_max = 1000};

	CHECK_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* poll(2) takes no more entries than files may be open, and those below 0 count. */
TEST(poll_goes_on_when_the_limit_was_lowered)
{
	struct pollfd fds[8];
	int ends[2];

	CHECK_INT(fd_pipe(ends, 0), 0);
	for (int i = 0; i < 8; i++)
		fds[i] = (struct pollfd){.fd = i == 5 ? ends[0] : -1, .events = POLLIN};
	limit_files(4);
	CHECK_INT(poll(fds, 8, 0), -1);
	CHECK_INT(errno, EINVAL);
	CHECK_INT(fd_poll(fds, 8, 0), 0);
	CHECK_INT(fd_poll(fds, 8, -1), 0); /* a nap */
	CHECK_INT(write(ends[1], "x", 1), 1);
	CHECK_INT(fd_poll(fds, 8, -1), 1);
	CHECK_INT(fds[5].revents, POLLIN);
	CHECK_INT(fds[4].revents, 0);
}

static void move_without_room(void)
{
	limit_files(0);
	fd_move_high(1);
}

TEST(no_descriptor_is_left)
{
	int ends[2] = {7, 7};

	CHECK_EXITS(STATUS_TEMPFAIL, move_without_room());
	limit_files(0);
	CHECK_INT(fd_pipe(ends, 0), -1);
	CHECK_INT(errno, EMFILE);
	CHECK_INT(ends[0], -1);
	CHECK_INT(ends[1], -1);
	CHECK_INT(fd_memory("x", "y", 1), -1);
	CHECK_INT(errno, EMFILE);
}

TEST(a_limit_below_the_high_numbers)
{
	int ends[2], moved;

	CHECK_INT(fd_pipe(ends, 0), 0);
	limit_files(50);
	moved = fd_move_high(ends[0]);
	CHECK(moved > 2 && moved < 50);
	limit_files(100);
	CHECK(fd_move_high(moved) >= 64);
}

UNIT_MAIN
