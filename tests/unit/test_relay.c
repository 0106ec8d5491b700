/* What processes log, on its way to the driver's stderr, in whatever pieces it arrives. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "bruco/log/relay.h"
#include "unit.h"

static struct relay relay;
static int file = -1;

static void begin(void)
{
	fd_close(&file);
	file = fd_memory("log", NULL, 0);
	relay_init(&relay, file);
}

static int times_written(const char *part)
{
	size_t length;
	char *text;
	int times = 0;

	lseek(file, 0, SEEK_SET);
	text = fd_read_all(file, 1 << 20, &length);
	for (char *at = text; (at = strstr(at, part)) != NULL; at++)
		times++;
	free(text);
	return times;
}

/* One entry in pieces of whole lines. The last piece is another one each time, but what is equal
 * can only be seen by the first. */
static void put_entry(int number, bool *left_out)
{
	char last[32];
	const char *const pieces[] = {"T w: error: x\n  a\n", "  b\n  c\n", last};

	snprintf(last, sizeof last, "  d %d\n", number);
	for (int i = 0; i < 3; i++)
		relay_put_log(&relay, 0, pieces[i], strlen(pieces[i]), left_out);
}

TEST(the_rest_of_an_entry_that_is_left_out_is_left_out_too)
{
	bool left_out = false;

	begin();
	for (int i = 0; i < 30; i++)
		put_entry(i, &left_out);
	relay_put_log(&relay, 0, "T w: info: y\n", 13, &left_out);
	CHECK_INT(times_written("error: x\n  a\n"), REPEATS_SHOWN);
	CHECK_INT(times_written("  b\n  c\n  d "), REPEATS_SHOWN);
	CHECK_INT(times_written("  d "), REPEATS_SHOWN);
	CHECK_INT(times_written("info: y"), 1);
	relay_release(&relay);
	CHECK_INT(times_written("x (repeated 10 more times)\n"), 1);
}

TEST(pieces_of_many_entries_are_cut_at_each)
{
	bool left_out = false;
	char text[1000] = "";

	begin();
	for (int i = 0; i < 25; i++)
		strcat(text, i % 2 == 0 ? "T w: info: even\n" : "T w: info: odd\n  z\n");
	for (int i = 0; i < 2; i++)
		relay_put_log(&relay, 0, text, strlen(text), &left_out);
	CHECK_INT(times_written("even\n"), REPEATS_SHOWN);
	CHECK_INT(times_written("odd\n  z\n"), REPEATS_SHOWN);
	relay_release(&relay);
	CHECK_INT(times_written("even (repeated 6 more times)\n"), 1);
	CHECK_INT(times_written("odd (repeated 4 more times)\n"), 1);
}

TEST(at_level_debug_nothing_is_left_out)
{
	bool left_out = false;

	begin();
	log_set_level(LEVEL_DEBUG);
	for (int i = 0; i < 100; i++)
		put_entry(i, &left_out);
	log_set_level(LEVEL_INFO);
	CHECK_INT(times_written("  d "), 100);
	relay_release(&relay);
}

TEST(when_one_worker_alone_is_heard_the_repeats_of_others_are_not_told)
{
	bool left_out = false;

	begin();
	for (int worker = 0; worker < 2; worker++)
		for (int i = 0; i < 21; i++)
			relay_put_log(&relay, worker, "T w: info: y\n", 13, &left_out);
	relay_only_worker(&relay, 1);
	relay_release(&relay);
	CHECK_INT(times_written("repeated 1 more time)"), 1);
}

UNIT_MAIN
