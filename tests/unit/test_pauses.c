#include "control/pauses.h"

#include <stdio.h>
#include <string.h>

#include "unit.h"

static struct pauses pauses;

static void check(const char *topic, int32_t partition, bool want)
{
	if (pauses_match(&pauses, topic, partition) != want)
		unit_fail(__FILE__, __LINE__, "%s[%d] is %s", topic, (int)partition,
			want ? "not paused" : "paused");
}

TEST(nothing_is_paused_at_first)
{
	check("a", 0, false);
}

TEST(a_partition_a_topic_and_all)
{
	CHECK(pauses_add(&pauses, true, "a", 1));
	check("a", 1, true);
	check("a", 0, false);
	check("b", 1, false);
	CHECK(pauses_add(&pauses, true, "b", -1));
	check("b", 0, true);
	check("c", 0, false);
	CHECK(pauses_add(&pauses, true, NULL, -1));
	check("c", 7, true);
	CHECK_INT(pauses.count, 1); /* it covers the others */
}

TEST(the_last_order_counts)
{
	pauses_add(&pauses, true, NULL, -1);
	pauses_add(&pauses, false, "a", -1);
	check("a", 0, false);
	check("b", 0, true);
	pauses_add(&pauses, true, "a", 3);
	check("a", 3, true);
	check("a", 2, false);
	pauses_add(&pauses, false, NULL, -1);
	check("a", 3, false);
	check("b", 0, false);
	CHECK_INT(pauses.count, 0);
}

TEST(an_order_is_kept_once)
{
	for (int i = 0; i < 5000; i++) {
		CHECK(pauses_add(&pauses, true, "a", 1));
		CHECK(pauses_add(&pauses, false, "a", 1));
		CHECK(pauses_add(&pauses, true, "a", -1));
	}
	CHECK_INT(pauses.count, 1);
}

TEST(to_resume_what_is_not_paused_is_nothing)
{
	CHECK(pauses_add(&pauses, false, "a", 1));
	CHECK(pauses_add(&pauses, false, "a", -1));
	CHECK(pauses_add(&pauses, false, NULL, -1));
	CHECK_INT(pauses.count, 0);
	pauses_add(&pauses, true, "a", 1);
	CHECK(pauses_add(&pauses, false, "a", 2));
	CHECK(pauses_add(&pauses, false, "b", -1));
	CHECK_INT(pauses.count, 1);
	check("a", 1, true);
}

TEST(a_narrow_order_does_not_end_a_wide_one)
{
	pauses_add(&pauses, true, "a", -1);
	pauses_add(&pauses, false, "a", 4);
	check("a", 4, false);
	check("a", 5, true);
	pauses_add(&pauses, true, "a", 4);
	check("a", 4, true);
}

TEST(there_is_a_limit)
{
	for (int i = 0; i < PAUSES_MAX; i++)
		CHECK(pauses_add(&pauses, true, "a", i));
	CHECK(!pauses_add(&pauses, true, "a", PAUSES_MAX));
	CHECK(pauses_add(&pauses, true, "a", -1));
}

TEST(what_is_written_is_read)
{
	struct pauses other = {0};
	struct buf text = {0};

	pauses_add(&pauses, true, NULL, -1);
	pauses_add(&pauses, false, "a.b-c_1", -1);
	pauses_add(&pauses, true, "a.b-c_1", INT32_MAX);
	pauses_write(&pauses, &text);
	CHECK_BYTES(text.data, text.length, "pause -1 \nresume -1 a.b-c_1\npause 2147483647 a.b-c_1\n",
		strlen("pause -1 \nresume -1 a.b-c_1\npause 2147483647 a.b-c_1\n"));
	pauses_add(&other, true, "gone", -1);
	CHECK(pauses_read(&other, (const char *)text.data, text.length));
	CHECK_INT(other.count, 3);
	CHECK(!pauses_match(&other, "gone", 0) || pauses_match(&pauses, "gone", 0));
	CHECK(pauses_match(&other, "a.b-c_1", INT32_MAX));
	CHECK(!pauses_match(&other, "a.b-c_1", 1));
	CHECK(pauses_read(&other, NULL, 0));
	CHECK_INT(other.count, 0);
}

TEST(what_is_no_such_text_is_refused)
{
	static const char *const bad[] = {"pause\n", "pause 1\n", "stop 1 a\n", "pause x a\n",
		"pause  a\n", "pause -2 a\n", "pause 2147483648 a\n", "pause 1x a\n"};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (pauses_read(&pauses, bad[i], strlen(bad[i])))
			unit_fail(__FILE__, __LINE__, "it took '%s'", bad[i]);
}

UNIT_MAIN
