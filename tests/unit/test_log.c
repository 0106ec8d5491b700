/* The last line of a program, and signals that are one request. */
#include "base/log.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/signals.h"
#include "unit.h"

static int ends[2];
static bool fails;

static void prepare(void)
{
	static int times;

	if (++times > 1)
		_exit(9);
	CHECK_INT(write(ends[1], "prepared ", 9), 9);
	if (fails)
		die_plain(8, "not prepared");
}

static void die_prepared(void)
{
	log_before_death(prepare);
	log_set_fd(ends[1]);
	die_plain(7, "over");
}

TEST(before_the_last_line_the_terminal_is_put_back)
{
	char text[64] = "";

	CHECK_INT(fd_pipe(ends, 0), 0);
	CHECK_EXITS(7, die_prepared());
	CHECK(read(ends[0], text, sizeof text - 1) > 0);
	CHECK_TEXT(text, "prepared bruco: error: over\n");
	fails = true;
	CHECK_EXITS(8, die_prepared());
	memset(text, 0, sizeof text);
	CHECK(read(ends[0], text, sizeof text - 1) > 0);
	CHECK_TEXT(text, "prepared bruco: error: not prepared\n");
}

TEST(only_what_asks_for_an_end_is_a_repeat)
{
	int fd = signals_init(0);

	signals_take(fd, SIGWINCH);
	raise(SIGWINCH);
	CHECK_INT(signals_next(fd), SIGWINCH);
	raise(SIGTERM);
	CHECK_INT(signals_next(fd), SIGTERM);
	raise(SIGWINCH);
	CHECK_INT(signals_next(fd), SIGWINCH);
	raise(SIGTERM);
	CHECK_INT(signals_next(fd), 0);
}

UNIT_MAIN
