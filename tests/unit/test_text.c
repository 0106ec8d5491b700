/* lib/base/text: whole texts or nothing. */
#include "unit.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/format.h"
#include "base/text.h"

static int64_t value;

TEST(integers)
{
	CHECK(text_integer("0", 0, 10, &value) && value == 0);
	CHECK(text_integer("-5", -5, 10, &value) && value == -5);
	CHECK(text_integer("007", 0, 10, &value) && value == 7);
	CHECK(text_integer("9223372036854775807", 0, INT64_MAX, &value) && value == INT64_MAX);
	for (const char *const *text = (const char *const[]){"", "-", "+1", " 1", "1 ", "1x", "0x1",
		     "1.0", "11", "-1", "9223372036854775808", "99999999999999999999", NULL};
		*text != NULL; text++)
		CHECK(!text_integer(*text, 0, 10, &value));
}

TEST(durations)
{
	CHECK(text_duration("200ms", &value) && value == 200);
	CHECK(text_duration("30s", &value) && value == 30000);
	CHECK(text_duration("30", &value) && value == 30000);
	CHECK(text_duration("1.5s", &value) && value == 1500);
	CHECK(text_duration("5m", &value) && value == 300000);
	CHECK(text_duration("5min", &value) && value == 300000);
	CHECK(text_duration("1h", &value) && value == 3600000);
	CHECK(text_duration("0", &value) && value == 0);
	for (const char *const *text = (const char *const[]){"", "s", "-1s", "+1s", " 1s", "1S",
		     "1d", "1e3", "0x10", "1s1", "inf", "nan", "99999999999999999999999", NULL};
		*text != NULL; text++)
		CHECK(!text_duration(*text, &value));
}

TEST(sizes)
{
	CHECK(text_size("0", &value) && value == 0);
	CHECK(text_size("17B", &value) && value == 17);
	CHECK(text_size("4MiB", &value) && value == 4194304);
	CHECK(text_size("0.5KiB", &value) && value == 512);
	CHECK(text_size("500kB", &value) && value == 500000);
	CHECK(text_size("1GB", &value) && value == 1000000000);
	CHECK(text_size("2GiB", &value) && value == 2147483648);
	for (const char *const *text = (const char *const[]){"", "MiB", "-1", "1M", "1mib", "1TiB",
		     "1MiB ", "0x1", "1e6", "9000000000GiB", NULL};
		*text != NULL; text++)
		CHECK(!text_size(*text, &value));
}

TEST(rates)
{
	CHECK(text_rate("100/s", &value) && value == 360000);
	CHECK(text_rate("6000/m", &value) && value == 360000);
	CHECK(text_rate("6000/min", &value) && value == 360000);
	CHECK(text_rate("2.5/h", &value) && value == 3);
	CHECK(text_rate("0.5/s", &value) && value == 1800);
	for (const char *const *text = (const char *const[]){"", "100", "/s", "100/", "100/d", "-1/s",
		     "100s", "1e3/s", "100/s/s", "100 per s", NULL};
		*text != NULL; text++)
		CHECK(!text_rate(*text, &value));
}

TEST(rates_are_written_as_they_are_read)
{
	static const char *const texts[] = {"1/h", "59/h", "1/m", "7/m", "1/s", "100/s", "1000000/s"};
	char text[32];

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		CHECK(text_rate(texts[i], &value));
		format_rate(text, value);
		CHECK_TEXT(text, texts[i]);
	}
}

TEST(times)
{
	CHECK(text_time("1970-01-01", &value) && value == 0);
	CHECK(text_time("2026-01-31", &value) && value == 1769817600000);
	CHECK(text_time("2026-01-31T12:00", &value) && value == 1769860800000);
	CHECK(text_time("2026-01-31T12:00:00Z", &value) && value == 1769860800000);
	CHECK(text_time("2026-01-31 12:00:00.123456", &value) && value == 1769860800123);
	CHECK(text_time("2026-01-31T12:00:00.5+01:30", &value) && value == 1769855400500);
	CHECK(text_time("2026-01-31T12:00:00-01:00", &value) && value == 1769864400000);
	CHECK(text_time("2024-02-29", &value) && value == 1709164800000);
	CHECK(text_time("@1769860800123", &value) && value == 1769860800123);
	for (const char *const *text = (const char *const[]){"", "@", "@-1", "@1x", "2026",
		     "2026-1-1", "2026-02-29", "2026-13-01", "2026-01-32", "2026-00-10",
		     "2026-01-31x", "2026-01-31T", "2026-01-31T24:00", "2026-01-31T12",
		     "2026-01-31T12:00:00.", "2026-01-31T12:00:00+1", "2026-01-31T12:00:00Zx",
		     "1970-01-01T00:00:00+01:00", "1969-12-31", NULL};
		*text != NULL; text++)
		CHECK(!text_time(*text, &value));
}

/* The text in a block of exactly its size, so that a sanitizer sees a read beyond it. */
static bool utf8(const char *text)
{
	size_t length = strlen(text);
	char *copy = malloc(length > 0 ? length : 1);
	bool good;

	memcpy(copy, text, length);
	good = text_utf8(copy, length);
	free(copy);
	return good;
}

TEST(yes_and_no)
{
	static const char *const neither[] = {"ja", "tru", "truee", " true", "2", "y", "-", "nothing"};
	bool yes = true;

	CHECK(text_boolean("TRUE", &yes) && yes);
	CHECK(text_boolean("1", &yes) && yes);
	CHECK(text_boolean("Off", &yes) && !yes);
	CHECK(text_boolean("no", &yes) && !yes);
	CHECK(text_boolean("", &yes) && !yes);
	for (size_t i = 0; i < sizeof neither / sizeof neither[0]; i++) {
		yes = true;
		CHECK(!text_boolean(neither[i], &yes) && !yes);
	}
}

TEST(utf8_is_well_formed)
{
	CHECK(utf8(""));
	CHECK(utf8("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"));
	CHECK(utf8("\xef\xbf\xbf\xf4\x8f\xbf\xbf"));
	CHECK(text_utf8("\0", 1));
	for (const char *const *text = (const char *const[]){"\x80", "\xc3", "\xc3x", "\xc0\x80",
		     "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xe2\x82", "\xf0\x8f\xbf\xbf",
		     "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf0\x9f\x98", "\xff", "a\xc3", NULL};
		*text != NULL; text++)
		CHECK(!utf8(*text));
}

TEST(nearest_words)
{
	static const char *const words[] = {"topics", "brokers", "offset", "kind", "window"};

	CHECK_TEXT(text_nearest("topcis", words, 5), "topics");
	CHECK_TEXT(text_nearest("TOPICS", words, 5), "topics");
	CHECK_TEXT(text_nearest("topic", words, 5), "topics");
	CHECK_TEXT(text_nearest("broker", words, 5), "brokers");
	CHECK_TEXT(text_nearest("ofset", words, 5), "offset");
	CHECK_TEXT(text_nearest("kin", words, 5), "kind");
	CHECK_TEXT(text_nearest("partitions", words, 5), NULL);
	CHECK_TEXT(text_nearest("x", words, 5), NULL);
	CHECK_TEXT(text_nearest("", words, 5), NULL);
	CHECK_TEXT(text_nearest("topics", words, 0), NULL);
	CHECK_TEXT(text_nearest(
			   "0123456789012345678901234567890123456789012345678901234567890123456789",
			   words, 5),
		NULL);
}

TEST(a_text_is_cut_between_characters)
{
	static const char text[] = "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x8e\x89z"; /* 1, 2, 3, 4, 1 bytes */
	static const size_t kept[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};

	for (size_t most = 0; most < sizeof kept / sizeof kept[0]; most++)
		CHECK_INT(text_cut(text, sizeof text - 1, most), kept[most]);
}

TEST(bytes_that_are_not_utf8_are_cut_anywhere)
{
	CHECK_INT(text_cut("\x80\x80\x80\x80\x80\x80\x80\x80", 8, 6), 6);
	CHECK_INT(text_cut("\x80\x80\x80", 3, 2), 2);
	CHECK_INT(text_cut("a\x80\x80\x80\x80\x80", 6, 4), 4);
}

UNIT_MAIN
