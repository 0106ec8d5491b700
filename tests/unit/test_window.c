#include "lane/window.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit.h"

static struct window window;

/* Queues a frame of `length` bytes, each its sequence number. */
static bool queue(size_t length)
{
	uint8_t *place;

	if (!window_room(&window, length))
		return false;
	place = window_reserve(&window, length);
	memset(place, (int)window_next(&window), length);
	window_queue(&window, length, (struct window_tag){.index = window_next(&window)});
	return true;
}

static void make_pipe(int ends[2])
{
	CHECK(pipe(ends) == 0);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	fcntl(ends[1], F_SETFL, O_NONBLOCK);
}

static void expect_bytes(int fd, uint8_t value, size_t length)
{
	uint8_t data[65536];

	CHECK_INT(read(fd, data, length), length);
	for (size_t i = 0; i < length; i++)
		CHECK_INT(data[i], value);
}

static bool acknowledge(uint64_t seq, uint64_t expected)
{
	struct window_tag tag;

	if (!window_acknowledge(&window, seq, &tag))
		return false;
	CHECK_INT(tag.index, expected);
	return true;
}

TEST(frames_come_out_in_order_and_wrap)
{
	int ends[2];

	make_pipe(ends);
	window_init(&window, 100);
	for (uint64_t seq = 1; seq <= 1000; seq += 2) {
		CHECK(queue(30));
		CHECK(queue(41));
		CHECK_INT(window_write(&window, ends[1], 1 << 20), 71);
		expect_bytes(ends[0], (uint8_t)seq, 30);
		CHECK(acknowledge(seq, seq));
		/* The second one still stands in the ring when the next pair comes. */
		expect_bytes(ends[0], (uint8_t)(seq + 1), 41);
		CHECK(acknowledge(seq + 1, seq + 1));
	}
	CHECK(window_empty(&window));
}

TEST(a_full_ring_takes_nothing_and_an_empty_one_anything)
{
	int ends[2];

	make_pipe(ends);
	window_init(&window, 100);
	CHECK(queue(60));
	CHECK(!queue(60));
	CHECK(queue(40));
	CHECK(!queue(1));
	CHECK_INT(window_write(&window, ends[1], 1 << 20), 100);
	CHECK(acknowledge(1, 1));
	CHECK(queue(59));
	CHECK(!queue(2));
	CHECK_INT(window_write(&window, ends[1], 1 << 20), 59);
	CHECK(acknowledge(3, 2));
	CHECK(acknowledge(3, 3));
	CHECK(queue(5000)); /* larger than the ring, alone in it */
	CHECK(!queue(1));
	CHECK_INT(window_write(&window, ends[1], 1 << 20), 5000);
	CHECK(acknowledge(4, 4));
	CHECK(queue(60)); /* and the ring is its old size again */
	CHECK(!queue(41));
}

TEST(acknowledgements_of_what_was_not_written_are_lies)
{
	int ends[2];

	make_pipe(ends);
	window_init(&window, 1000);
	queue(10);
	queue(10);
	CHECK_INT(window_write(&window, ends[1], 15), 15);
	CHECK(acknowledge(2, 1));
	CHECK(!acknowledge(2, 2));
}

/* Five frames of 10 bytes, of which so many bytes are written; and a pipe for the next worker. */
static void write_part(size_t bytes, int again[2])
{
	int ends[2];

	make_pipe(ends);
	make_pipe(again);
	window_init(&window, 1000);
	for (int i = 0; i < 5; i++)
		queue(10);
	CHECK_INT(window_write(&window, ends[1], bytes), bytes);
}

TEST(rewind_sends_again_what_was_not_read)
{
	int again[2];

	write_part(35, again);                             /* three and a half */
	CHECK_INT(window_rewind(&window, 2), 2);           /* 3, and 4 was begun */
	CHECK_INT(window_write(&window, again[1], 1 << 20), 30);
	expect_bytes(again[0], 3, 10);
	expect_bytes(again[0], 4, 10);
	expect_bytes(again[0], 5, 10);
	CHECK(acknowledge(5, 1));
	CHECK(acknowledge(5, 2));
	/* An old acknowledgement is harmless, and nothing below it comes back. */
	CHECK_INT(window_rewind(&window, 1), 3);
	CHECK_INT(window_write(&window, again[1], 1 << 20), 30);
	expect_bytes(again[0], 3, 10);
}

TEST(rewind_to_what_was_not_written_leaves_it_out)
{
	int again[2];

	write_part(15, again);
	CHECK_INT(window_rewind(&window, 3), 0);
	CHECK_INT(window_write(&window, again[1], 1 << 20), 20);
	expect_bytes(again[0], 4, 10);
	expect_bytes(again[0], 5, 10);
	for (uint64_t seq = 1; seq <= 5; seq++)
		CHECK(acknowledge(5, seq));
	CHECK(window_empty(&window));
}

TEST(rewind_over_the_ring_s_end)
{
	int ends[2];

	make_pipe(ends);
	window_init(&window, 100);
	queue(40);
	queue(40);
	CHECK_INT(window_write(&window, ends[1], 1 << 20), 80);
	CHECK(acknowledge(1, 1));
	CHECK(queue(35)); /* does not fit behind 80: starts at 0 again */
	CHECK_INT(window_write(&window, ends[1], 1 << 20), 35);
	CHECK_INT(window_rewind(&window, 1), 2);
	CHECK_INT(window_write(&window, ends[1], 1 << 20), 75);
	expect_bytes(ends[0], 1, 40);
	expect_bytes(ends[0], 2, 40);
	expect_bytes(ends[0], 3, 35);
	expect_bytes(ends[0], 2, 40);
	expect_bytes(ends[0], 3, 35);
}

TEST(many_small_frames_grow_the_entries)
{
	window_init(&window, 1 << 20);
	for (int i = 0; i < 20000; i++)
		CHECK(queue(24));
	for (uint64_t seq = 1; seq <= 20000; seq += 4999) {
		struct window_tag tag;
		uint32_t length = 0;
		uint8_t *frame = window_frame(&window, seq, &length, &tag);

		CHECK(frame != NULL);
		CHECK_INT(length, 24);
		CHECK_INT(frame[0], (uint8_t)seq);
	}
	CHECK(window_frame(&window, 20001, &(uint32_t){0}, &(struct window_tag){0}) == NULL);
}

TEST(a_slow_reader_gets_every_byte_once)
{
	int ends[2];
	uint64_t next = 1, taken = 0, seq = 1;
	size_t lengths[2001], inside = 0;

	srand(7);
	make_pipe(ends);
	fcntl(ends[1], F_SETPIPE_SZ, 4096);
	window_init(&window, 3000);
	while (seq <= 2000) {
		uint8_t data[700];
		ssize_t got;

		while (next <= 2000) {
			lengths[next] = 24 + (size_t)rand() % 900;
			if (!queue(lengths[next]))
				break;
			next++;
		}
		CHECK(window_write(&window, ends[1], 1 + (size_t)rand() % 2000) >= 0);
		got = read(ends[0], data, 1 + (size_t)rand() % sizeof data);
		for (ssize_t i = 0; i < got; i++) {
			CHECK_INT(data[i], (uint8_t)seq);
			if (++inside == lengths[seq]) {
				inside = 0;
				seq++;
			}
		}
		if (seq > 1 && rand() % 3 == 0)
			while (acknowledge(seq - 1, taken + 1))
				taken++;
	}
}

TEST(a_dead_reader_is_an_error)
{
	int ends[2];

	signal(SIGPIPE, SIG_IGN);
	make_pipe(ends);
	close(ends[0]);
	window_init(&window, 100);
	queue(10);
	CHECK_INT(window_write(&window, ends[1], 100), -1);
}

UNIT_MAIN
