#include "base/printable.h"

#include <string.h>

#include "base/text.h"
#include "unit.h"

static void check(enum printable_form form, const char *text, size_t length, const char *want)
{
	struct buf out = {0};

	printable_append(form, &out, text, length);
	CHECK_BYTES(out.data, out.length, want, strlen(want));
	buf_release(&out);
}

#define CHECK_FORM(form, text, want) check(form, text, sizeof(text) - 1, want)

TEST(what_is_harmless_stays)
{
	static const char text[] = " a~ é ß € 😀 \xef\xbf\xbd \xc2\xa0 \xf4\x8f\xbf\xbf";

	CHECK_FORM(PRINTABLE_TEXT, text, text);
	CHECK_FORM(PRINTABLE_LINES, text, text);
	CHECK_FORM(PRINTABLE_JSON, text, text);
	CHECK_FORM(PRINTABLE_TEXT, "", "");
	CHECK_FORM(PRINTABLE_TEXT, "\\n \"", "\\n \"");
}

TEST(control_characters)
{
	CHECK_FORM(PRINTABLE_TEXT, "a\nb\tc\rd\033[1m\177\0", "a\\nb\\tc\\rd\\x1b[1m\\x7f\\x00");
	CHECK_FORM(PRINTABLE_LINES, "a\nb\tc\rd\033", "a\nb\tc\\rd\\x1b");
	CHECK_FORM(PRINTABLE_JSON, "a\nb\tc\rd\033\177\0\"\\",
		"a\\nb\\tc\\rd\\u001b\\u007f\\u0000\\\"\\\\");
}

TEST(control_characters_behind_ascii)
{
	CHECK_FORM(PRINTABLE_TEXT, "\xc2\x80\xc2\x9b\xc2\x9f\xc2\xa0", "\\u0080\\u009b\\u009f\xc2\xa0");
	CHECK_FORM(PRINTABLE_LINES, "\xc2\x85", "\\u0085");
	CHECK_FORM(PRINTABLE_JSON, "\xc2\x9b", "\\u009b");
}

TEST(ends_of_lines_and_changes_of_direction)
{
	CHECK_FORM(PRINTABLE_TEXT, "\u2027\u2028\u2029\u202a\u202e\u202f", "\u2027\\u2028\\u2029\\u202a\\u202e\u202f");
	CHECK_FORM(PRINTABLE_TEXT, "\u2065\u2066\u2069\u206a", "\u2065\\u2066\\u2069\u206a");
	CHECK_FORM(PRINTABLE_TEXT, "\u061c\u200d\u200e\u200f\u2010\ufeff",
		"\\u061c\u200d\\u200e\\u200f\u2010\\ufeff");
	CHECK_FORM(PRINTABLE_JSON, "\u202e", "\\u202e");
}

TEST(bytes_that_are_no_utf8)
{
	CHECK_FORM(PRINTABLE_TEXT, "\x80 \xff \xc3", "\\x80 \\xff \\xc3");
	CHECK_FORM(PRINTABLE_TEXT, "\xc0\x80", "\\xc0\\x80");             /* a long form */
	CHECK_FORM(PRINTABLE_TEXT, "\xed\xa0\x80", "\\xed\\xa0\\x80");    /* half a pair */
	CHECK_FORM(PRINTABLE_TEXT, "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");
	CHECK_FORM(PRINTABLE_TEXT, "\xe2\x82", "\\xe2\\x82");             /* cut */
	CHECK_FORM(PRINTABLE_TEXT, "\xe2\x82z", "\\xe2\\x82z");
	CHECK_FORM(PRINTABLE_JSON, "\x9b\xff", "\\\\x9b\\\\xff");
}

/* Whatever comes in, nothing but UTF-8 without control characters comes out, and what came out stays as
 * it is the next time. */
TEST(every_pair_of_bytes)
{
	for (int i = 0; i < 65536; i++) {
		const char text[3] = {(char)(i >> 8), (char)i, 'x'};

		for (int form = PRINTABLE_TEXT; form <= PRINTABLE_JSON; form++) {
			struct buf once = {0}, twice = {0};

			printable_append((enum printable_form)form, &once, text, sizeof text);
			CHECK(text_utf8(once.data, once.length));
			for (size_t j = 0; j < once.length; j++)
				CHECK((once.data[j] >= 0x20 && once.data[j] != 0x7f) ||
					(form == PRINTABLE_LINES &&
						(once.data[j] == '\n' || once.data[j] == '\t')));
			for (size_t j = 0; j + 1 < once.length; j++) /* C1 */
				CHECK(once.data[j] != 0xc2 || once.data[j + 1] >= 0xa0);
			if (form != PRINTABLE_JSON) {
				printable_append((enum printable_form)form, &twice, once.data, once.length);
				CHECK_BYTES(twice.data, twice.length, once.data, once.length);
			}
			buf_release(&once);
			buf_release(&twice);
		}
	}
}

UNIT_MAIN
