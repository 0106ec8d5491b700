#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/status.h"
#include "unit.h"

TEST(memory_that_is_not_there_ends_the_program)
{
	mem_fail_after(1);
	free(mem_alloc(10));
	CHECK_EXITS(STATUS_TEMPFAIL, mem_alloc(10));
	CHECK_EXITS(STATUS_TEMPFAIL, mem_grow(NULL, 10, 10));
	CHECK_EXITS(STATUS_TEMPFAIL, mem_text("text"));
}

TEST(sizes_that_overflow_end_the_program)
{
	CHECK_EXITS(STATUS_SOFTWARE, mem_array(SIZE_MAX / 2, 3));
	CHECK_EXITS(STATUS_SOFTWARE, mem_grow(NULL, SIZE_MAX, 1));
}

TEST(new_memory_is_zeroed_and_copies_end)
{
	char *text = mem_text_n("abcdef", 3);
	char *zeroes = mem_array(10, 10);

	CHECK_TEXT(text, "abc");
	for (int i = 0; i < 100; i++)
		CHECK_INT(zeroes[i], 0);
	free(text);
	free(zeroes);
}

UNIT_MAIN
