/* Log lines that come again and again are left out and counted; the first of each is always shown. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "bruco/log/repeats.h"
#include "unit.h"

static struct repeats repeats;
static struct buf line;

static bool put(int owner, const char *text, int64_t now)
{
	return repeats_show(&repeats, owner, owner < 0, text, strlen(text), now);
}

/* How many of `count` equal ones were shown. */
static int put_many(int owner, const char *text, int count, int64_t now)
{
	int shown = 0;

	for (int i = 0; i < count; i++)
		shown += put(owner, text, now);
	return shown;
}

/* The line that says what was left out, or "". */
static const char *ended(int64_t now)
{
	int owner;

	buf_reset(&line);
	if (!repeats_ended(&repeats, now, &owner, &line))
		buf_reset(&line);
	buf_byte(&line, '\0');
	return (const char *)line.data;
}

TEST(the_first_ones_are_shown_and_the_others_counted)
{
	CHECK_INT(put_many(0, "T1 w: info: x\n", 30, 1000), REPEATS_SHOWN);
	CHECK_INT(repeats_deadline(&repeats), 1000 + REPEATS_WINDOW_MS);
	CHECK(!put(0, "T2 w: info: x\n", 5000));
	CHECK_TEXT(ended(1000 + REPEATS_WINDOW_MS - 1), "");
	CHECK_TEXT(ended(1000 + REPEATS_WINDOW_MS), "T2 w: info: x (repeated 11 more times)\n");
	CHECK_TEXT(ended(INT64_MAX), "");
	CHECK_INT(repeats_deadline(&repeats), -1);
	CHECK_INT(put_many(0, "T3 w: info: x\n", 21, 12000), REPEATS_SHOWN);
	CHECK_TEXT(ended(INT64_MAX), "T3 w: info: x (repeated 1 more time)\n");
	repeats_release(&repeats);
}

TEST(a_line_that_is_rare_is_always_shown)
{
	for (int64_t now = 1; now < 1000000; now += 1000)
		CHECK(put(0, "T w: info: once a second\n", now));
	CHECK_TEXT(ended(INT64_MAX), "");
	repeats_release(&repeats);
}

TEST(another_text_process_or_traceback_is_another_entry)
{
	CHECK_INT(put_many(0, "T w: error: x 1\n", 21, 1), 20);
	CHECK_INT(put_many(0, "T w: error: x 2\n", 21, 1), 20);
	CHECK_INT(put_many(1, "T w: error: x 1\n", 21, 1), 20);
	CHECK_INT(put_many(0, "T w: error: x 1\n  at a\n", 21, 1), 20);
	CHECK_INT(put_many(0, "T w: error: x 1\n  at b\n", 21, 1), 20);
	CHECK_TEXT(ended(INT64_MAX), "T w: error: x 1 (repeated 1 more time)\n");
	repeats_release(&repeats);
}

TEST(numbers_of_a_stage_do_not_count_but_records_do)
{
	CHECK_INT(put_many(-1, "T s: warning: after 3 ms 17\n", 15, 1), 15);
	CHECK_INT(put_many(-1, "T s: warning: after 412 ms 9\n", 15, 1), 5);
	CHECK_INT(put_many(-1, "T s: warning: after 412 ms\n", 15, 1), 15);
	CHECK_INT(put_many(-1, "T s: error: skipped (a[1]@12)\n", 15, 1), 15);
	CHECK_INT(put_many(-1, "T s: error: skipped (a[1]@13)\n", 15, 1), 15);
	repeats_release(&repeats);
}

TEST(json_lines_are_equal_whatever_their_time_and_record)
{
	static const char a[] = "{\"time\": \"1\", \"level\": \"info\", \"message\": \"m\", "
				"\"topic\": \"t\", \"partition\": 1, \"offset\": 1, \"n\": 3}\n";
	static const char b[] = "{\"time\": \"2\", \"level\": \"info\", \"message\": \"m\", "
				"\"topic\": \"u\", \"partition\": 2, \"offset\": 22, \"n\": 3, "
				"\"traceback\": \"x\"}\n";
	static const char c[] = "{\"time\": \"2\", \"level\": \"info\", \"message\": \"m\", "
				"\"topic\": \"u\", \"partition\": 2, \"offset\": 22, \"n\": 4}\n";
	char other[sizeof a];

	log_set_format(FORMAT_JSON);
	strcpy(other, a);
	strstr(other, "\"1\"")[1] = '7';
	strstr(other, "\"t\"")[1] = 'z';
	strstr(other, "offset\": 1")[9] = '5';
	CHECK_INT(put_many(0, a, 15, 1), 15);
	CHECK_INT(put_many(0, other, 15, 1), 5);
	CHECK_INT(put_many(0, c, 15, 1), 15);
	CHECK_INT(put_many(0, b, 21, 1), 20);
	CHECK(strstr(ended(INT64_MAX), "\"offset\": 5, \"n\": 3, \"repeated\": 10}\n") != NULL);
	CHECK(strstr(ended(INT64_MAX), "\"offset\": 22, \"n\": 3, \"repeated\": 1}\n") != NULL);
	log_set_format(FORMAT_TEXT);
	repeats_release(&repeats);
}

TEST(entries_are_cut_at_their_lines)
{
	static const char text[] = "T a\n  x\n  y\nT b\n";

	CHECK_INT(repeats_entry(text, strlen(text)), 12);
	CHECK_INT(repeats_entry(text + 12, 4), 4);
	CHECK(repeats_continues(text + 4, 8));
	CHECK_INT(repeats_entry(text + 4, 12), 8);
	CHECK(repeats_continues("<3>  x\n", 7));
	CHECK(!repeats_continues("<3>x  x\n", 8));
	CHECK(!repeats_continues("\n", 1));
}

TEST(what_finds_no_room_is_shown)
{
	char text[64];

	for (int i = 0; i < REPEATS_SLOTS; i++) {
		snprintf(text, sizeof text, "T w: info: %d\n", i);
		CHECK_INT(put_many(0, text, 21, 1), 20);
	}
	CHECK_INT(put_many(0, "T w: info: new\n", 100, 1), 100);
	for (int i = 0; i < REPEATS_SLOTS; i++)
		CHECK(ended(INT64_MAX)[0] != '\0');
	CHECK_TEXT(ended(INT64_MAX), "");
	/* Many different ones push each other out; none of them is lost. */
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof text, "T w: info: %d\n", i % 100);
		CHECK(put(0, text, 2));
	}
	repeats_release(&repeats);
}

UNIT_MAIN
