/* The view of differences of `bruco test`: which lines are the same, which stand against which. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "bruco/testing/diff.h"

static struct buf view;

/* One letter an outcome, the n-th of record n. */
static struct outcomes letters(const char *text)
{
	struct outcomes outcomes = {.values = true};

	for (uint64_t i = 0; text[i] != '\0'; i++) {
		const struct frame_record record = {
			.value = (const uint8_t *)text + i, .value_length = 1};

		outcomes_add(&outcomes, i + 1, &record);
	}
	return outcomes;
}

static const char *show(const char *expected, const char *got)
{
	struct outcomes one = letters(expected), other = letters(got);
	bool differs;

	buf_reset(&view);
	differs = diff_show(&one, &other, "", false, &view);
	outcomes_reset(&one);
	outcomes_reset(&other);
	CHECK(differs == (strcmp(expected, got) != 0));
	CHECK(differs == (view.length > 0));
	buf_byte(&view, 0);
	return (const char *)view.data;
}

TEST(equal_lists_show_nothing)
{
	CHECK_TEXT(show("", ""), "");
	CHECK_TEXT(show("abc", "abc"), "");
}

TEST(one_more_and_one_less)
{
	CHECK_TEXT(show("abcd", "abd"), "@@ behind record 2 @@\n b\n-c\n d\n");
	CHECK_TEXT(show("abd", "abcd"), "@@ record 3 @@\n b\n+c\n d\n");
	CHECK_TEXT(show("", "a"), "@@ record 1 @@\n+a\n");
	CHECK_TEXT(show("a", ""), "@@ at the start @@\n-a\n");
	CHECK_TEXT(show("aab", "b"), "@@ at the start @@\n-a\n-a\n b\n");
}

TEST(replaced_lines_stand_in_pairs)
{
	CHECK_TEXT(show("abcd", "axyd"), "@@ records 2 to 3 @@\n a\n-b\n+x\n-c\n+y\n d\n");
	CHECK_TEXT(show("abcd", "axd"), "@@ record 2 @@\n a\n-b\n-c\n+x\n d\n");
}

TEST(far_apart_are_hunks_of_their_own)
{
	CHECK_TEXT(show("abcdef", "xbcdey"),
		"@@ record 1 @@\n-a\n+x\n b\n@@ record 6 @@\n e\n-f\n+y\n");
	CHECK_TEXT(show("abc", "xby"), "@@ records 1 to 3 @@\n-a\n+x\n b\n-c\n+y\n");
}

/* Every pair of short lists: leaving out the new lines gives what was expected, leaving out the
 * missing ones what came, and no more lines than needed are said to differ. */
static void check_view(const char *expected, const char *got, size_t common)
{
	char one[16] = "", other[16] = "";
	size_t differing = 0;

	for (const char *line = show(expected, got); *line != '\0'; line = strchr(line, '\n') + 1) {
		char letter[2] = {line[1], '\0'};

		if (line[0] == '-' || line[0] == '+') {
			strcat(line[0] == '-' ? one : other, letter);
			differing++;
		}
	}
	CHECK_INT(strlen(one) + common, strlen(expected));
	CHECK_INT(strlen(other) + common, strlen(got));
	CHECK_INT(differing, strlen(expected) + strlen(got) - 2 * common);
}

static size_t longest_common(const char *one, const char *other)
{
	size_t without, with = 0;

	if (*one == '\0' || *other == '\0')
		return 0;
	if (*one == *other)
		with = 1 + longest_common(one + 1, other + 1);
	without = longest_common(one + 1, other);
	if (longest_common(one, other + 1) > without)
		without = longest_common(one, other + 1);
	return with > without ? with : without;
}

static void write_base_three(char text[8], unsigned number, unsigned length)
{
	for (unsigned i = 0; i < length; i++, number /= 3)
		text[i] = "abc"[number % 3];
	text[length] = '\0';
}

TEST(every_pair_of_short_lists)
{
	for (unsigned i = 0; i < 81; i++)
		for (unsigned j = 0; j < 243; j++) {
			char one[8], other[8];

			write_base_three(one, i, 4);
			write_base_three(other, j, 5);
			check_view(one, other, longest_common(one, other));
		}
}

TEST(carets_count_characters)
{
	struct outcomes one = {.values = true}, other = {.values = true};
	const struct frame_record before = {
		.value = (const uint8_t *)"\xc3\xa9-1-", .value_length = 5};
	const struct frame_record after = {
		.value = (const uint8_t *)"\xc3\xa9-\xc3\xa9\xc3\xa9-", .value_length = 8};

	outcomes_add(&one, 1, &before);
	outcomes_add(&other, 1, &after);
	buf_reset(&view);
	diff_show(&one, &other, "> ", true, &view);
	buf_byte(&view, 0);
	CHECK_TEXT((const char *)view.data,
		"> @@ record 1 @@\n> \033[31m-\xc3\xa9-1-\033[0m\n"
		"> \033[32m+\xc3\xa9-\xc3\xa9\xc3\xa9-\033[0m\n>    ^^\n");
	outcomes_reset(&one);
	outcomes_reset(&other);
}

TEST(a_failed_event_is_never_the_same_as_a_value)
{
	static const char line[] = "{\"failed\": \"x\"}";
	const struct frame_record value = {
		.value = (const uint8_t *)line, .value_length = sizeof line - 1};
	struct outcomes one = {.values = true}, other = {.values = true};

	outcomes_add(&one, 1, &value);
	outcomes_add_failed(&other, 1, "x", 1);
	CHECK_TEXT(other.items[0].line, line);
	CHECK(diff_show(&one, &other, "", false, &view));
	outcomes_reset(&one);
	outcomes_reset(&other);
}

UNIT_MAIN
