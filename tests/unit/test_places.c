#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state/places.h"
#include "unit.h"

static struct buf written_text(void)
{
	struct buf text = {0};
	struct place place = {.device = 65024, .inode = 77, .offset = 4711, .head_length = 256,
		.head_hash = 0xfedcba9876543210U, .path = (char *)(uintptr_t)"/var/log/a b.log"};

	places_begin(&text);
	places_add(&text, &place);
	attempts_set(&place.attempts, 4711, 2);
	attempts_set(&place.attempts, 5000, 1);
	place.id = 0x0123456789abcdefU;
	place.offset = place.head_length = 0;
	places_add(&text, &place);
	places_end(&text);
	return text;
}

TEST(places_are_read_as_they_were_written)
{
	struct buf text = written_text();
	struct places places;

	CHECK(places_read(&places, (const char *)text.data, text.length));
	CHECK_INT(places.count, 2);
	CHECK_INT(places.items[0].inode, 77);
	CHECK_INT(places.items[0].offset, 4711);
	CHECK(places.items[0].head_hash == 0xfedcba9876543210U);
	CHECK_INT(places.items[0].attempts.count, 0);
	CHECK_INT(places.items[0].id, 0);
	CHECK(places.items[1].id == 0x0123456789abcdefU);
	CHECK_TEXT(places.items[1].path, "/var/log/a b.log");
	CHECK_INT(attempts_get(&places.items[1].attempts, 4711), 2);
	CHECK_INT(attempts_get(&places.items[1].attempts, 5000), 1);
	places_release(&places);
	buf_release(&text);
}

TEST(a_text_that_is_cut_anywhere_is_refused)
{
	struct buf text = written_text();
	struct places places;

	for (size_t length = 0; length < text.length; length++) {
		CHECK(!places_read(&places, (const char *)text.data, length));
		CHECK_INT(places.count, 0);
	}
	buf_release(&text);
}

static bool reads(const char *line)
{
	char text[512];
	struct places places;
	bool good;

	snprintf(text, sizeof text, "bruco-places 1\n%s\nend\n", line);
	good = places_read(&places, text, strlen(text));
	places_release(&places);
	return good;
}

TEST(what_is_no_place_is_refused)
{
	CHECK(reads("1 2 3 3 00 /a"));
	CHECK(!reads("1 2 3 4 00 /a"));   /* a head beyond the offset */
	CHECK(!reads("1 2 500 257 00 /a"));
	CHECK(!reads("1 2 -3 0 00 /a"));
	CHECK(!reads("1 2 9223372036854775808 0 00 /a"));
	CHECK(!reads("1 2 3 3 00 a"));
	CHECK(!reads("1 2 3 3 00"));
	CHECK(!reads("1 2 3 3 00 attempts=1:1"));
	CHECK(!reads("1 2 3 3 zz /a"));
	CHECK(reads("1 2 3 3 00 id=12 /a"));
	CHECK(!reads("1 2 3 3 00 id= /a"));
	CHECK(!reads("1 2 3 3 00 id=12"));
	CHECK(!places_can_hold("/a\nb"));
	CHECK(!places_can_hold("a"));
}

UNIT_MAIN
