/* The attempts that outlive a restart of everything, in the metadata of commits. */
#include <string.h>

#include "lane/attempts.h"
#include "unit.h"

static struct attempts attempts;
static struct buf text;

static const char *written(void)
{
	buf_reset(&text);
	attempts_write(&attempts, &text);
	buf_byte(&text, '\0');
	return (const char *)text.data;
}

static void read_text(const char *metadata)
{
	attempts_read(&attempts, metadata, strlen(metadata));
}

TEST(nothing_is_no_text)
{
	CHECK_TEXT(written(), "");
	CHECK_INT(attempts_get(&attempts, 0), 0);
}

TEST(sorted_counted_and_done)
{
	uint64_t version = attempts.version;

	attempts_set(&attempts, 7, 1);
	attempts_set(&attempts, 3, 2);
	attempts_set(&attempts, 7, 2);
	attempts_set(&attempts, 5, 1);
	CHECK_TEXT(written(), " attempts=3:2,5:1,7:2");
	CHECK(attempts.version > version);
	CHECK_INT(attempts_get(&attempts, 7), 2);
	CHECK_INT(attempts_get(&attempts, 6), 0);
	version = attempts.version;
	attempts_done(&attempts, 6);
	attempts_done_below(&attempts, 3);
	CHECK_INT(attempts.version, version);
	attempts_done(&attempts, 5);
	CHECK_TEXT(written(), " attempts=3:2,7:2");
	CHECK(attempts.version > version);
	attempts_done_below(&attempts, 7);
	CHECK_TEXT(written(), " attempts=7:2");
}

TEST(what_was_written_is_read_back)
{
	static const char both[] = " attempts=0:1,999999999999999999:2,1000000000000000000:3,"
				   "9223372036854775807:1000";

	attempts_set(&attempts, INT64_MAX, 1000);
	attempts_set(&attempts, 1000000000000000000, 3);
	attempts_set(&attempts, 999999999999999999, 2);
	attempts_set(&attempts, 0, 1);
	CHECK_TEXT(written(), both);
	attempts.count = 0;
	read_text(both);
	CHECK_TEXT(written(), both);
	read_text("bruco partitions=4 attempts=0:1");
	CHECK_TEXT(written(), " attempts=0:1");
	read_text("bruco partitions=4");
	CHECK_TEXT(written(), "");
	attempts_read(&attempts, NULL, 0);
	CHECK_INT(attempts.count, 0);
}

TEST(full_list_stays_under_a_kilobyte_and_goes_on)
{
	for (int i = 0; i < 2 * ATTEMPTS_MAX; i++)
		attempts_set(&attempts, 1000000000000000000 + i, ATTEMPTS_COUNT_MAX);
	CHECK_INT(attempts.count, ATTEMPTS_MAX);
	CHECK(strlen(written()) < 1024);
	attempts_set(&attempts, 1000000000000000000, 1); /* one that is there changes all the same */
	CHECK_INT(attempts_get(&attempts, 1000000000000000000), 1);
	attempts_done(&attempts, 1000000000000000000);
	attempts_set(&attempts, 1, 1);
	CHECK_INT(attempts_get(&attempts, 1), 1);
}

TEST(what_is_known_elsewhere_is_taken_over_where_it_is_more)
{
	struct attempts others;

	attempts_set(&attempts, 3, 1);
	attempts_set(&attempts, 5, 2);
	attempts_set(&attempts, 6, 4);
	attempts_set(&attempts, 8, 1);
	others = attempts;
	attempts.count = 0;
	attempts_set(&attempts, 5, 3);
	attempts_set(&attempts, 6, 1);
	attempts_merge(&attempts, &others, 5);
	CHECK_TEXT(written(), " attempts=5:3,6:4,8:1");
}

TEST(lies_of_others_are_ignored)
{
	static const char *const lies[] = {" attempts=", " attempts=x:1", " attempts=1",
		" attempts=1:", " attempts=1:0", " attempts=1:1001",
		" attempts=1:99999999999999999999", " attempts=99999999999999999999:1",
		" attempts=9223372036854775808:1", " attempts=1:18446744073709551617",
		" attempts=-1:1", " attempts=:1", "attempts=1:1"};

	for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
		read_text(lies[i]);
		CHECK_INT(attempts.count, 0);
	}
	read_text(" attempts=1:1,2:2,x");
	CHECK_TEXT(written(), " attempts=1:1,2:2");
	for (size_t length = 0; length <= strlen(" attempts=12:34,56:78"); length++)
		attempts_read(&attempts, " attempts=12:34,56:78", length);
	CHECK_TEXT(written(), " attempts=12:34,56:78");
}

UNIT_MAIN
