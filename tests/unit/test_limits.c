/* Each limit of lib/frame/limits.h: one less, just so, one more. */
#include "frame/limits.h"

#include <stdlib.h>
#include <string.h>

#include "frame/headers.h"
#include "unit.h"

enum { MAX = LIMIT_SIZE_LEAST };

static struct buf headers;
static uint32_t count;

static void add(const char *name, size_t size)
{
	static char value[2 * LIMIT_FAILURE_BYTES];

	headers_append_text(&headers, name, value, size);
	count++;
}

static enum limit_fault check(size_t size)
{
	return limits_check(size, headers.data, count, MAX);
}

TEST(a_record_is_as_large_as_it_may_be)
{
	CHECK_INT(check(MAX - 1), LIMIT_KEPT);
	CHECK_INT(check(MAX), LIMIT_KEPT);
	CHECK_INT(check(MAX + 1), LIMIT_TOO_LARGE);
	CHECK_INT(check(SIZE_MAX), LIMIT_TOO_LARGE);
}

TEST(headers_of_a_failure_do_not_count)
{
	add("bruco-error", 1000 - 8 - 11);
	CHECK_INT(headers.length, 1000);
	CHECK_INT(check(MAX + 1000), LIMIT_KEPT);
	CHECK_INT(check(MAX + 1001), LIMIT_TOO_LARGE);
}

TEST(headers_of_a_failure_count_beyond_what_one_adds)
{
	add("bruco-traceback", LIMIT_FAILURE_BYTES - 8 - 15);
	CHECK_INT(check(MAX + LIMIT_FAILURE_BYTES), LIMIT_KEPT);
	CHECK_INT(check(MAX + LIMIT_FAILURE_BYTES + 1), LIMIT_TOO_LARGE);
	add("bruco-error", 100);
	CHECK_INT(check(MAX + LIMIT_FAILURE_BYTES + 1), LIMIT_TOO_LARGE);
}

TEST(other_headers_count)
{
	add("bruco-errors", 1000);
	add("bruco-", 1000);
	add("bruco-erro", 1000);
	add("Bruco-error", 1000);
	add("error", 1000);
	CHECK_INT(check(MAX), LIMIT_KEPT);
	CHECK_INT(check(MAX + 1), LIMIT_TOO_LARGE);
}

TEST(so_many_headers_and_no_more)
{
	while (count < LIMIT_HEADERS - 1)
		add("", 0);
	CHECK_INT(check(MAX), LIMIT_KEPT);
	add("", 0);
	CHECK_INT(check(MAX), LIMIT_KEPT);
	add("", 0);
	CHECK_INT(check(MAX), LIMIT_TOO_MANY_HEADERS);
}

TEST(a_dead_letter_has_so_many_more)
{
	while (count < LIMIT_HEADERS)
		add("", 0);
	for (int i = 0; i < LIMIT_FAILURE_HEADERS; i++)
		add("bruco-worker", 0);
	CHECK_INT(check(MAX), LIMIT_KEPT);
	add("bruco-worker", 0);
	CHECK_INT(check(MAX), LIMIT_TOO_MANY_HEADERS);
}

TEST(every_name_of_a_failure_is_known)
{
	static const char *const names[] = {"bruco-error", "bruco-traceback", "bruco-attempts",
		"bruco-topic", "bruco-partition", "bruco-offset", "bruco-worker", "bruco-without",
		"bruco-timestamp", "bruco-key"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct frame_header header = {names[i], (uint32_t)strlen(names[i]), 0, NULL};

		CHECK(limits_of_failure(&header));
		header.name_length--;
		CHECK(!limits_of_failure(&header));
	}
	CHECK(sizeof names / sizeof names[0] <= LIMIT_FAILURE_HEADERS);
}

/* What one stage may write the next can read. */
TEST(the_limits_fit_together)
{
	static const uint32_t sizes[] = {LIMIT_SIZE_LEAST, LIMIT_SIZE_DEFAULT, LIMIT_OUTPUTS - 1,
		LIMIT_OUTPUTS, LIMIT_OUTPUTS + 1, LIMIT_SIZE_MOST};
	/* error and traceback, by the worker; all names, numbers and a topic, by the sink */
	size_t by_worker = 2 * (LIMIT_FAILURE_TEXT + 8 + 16);
	size_t letter = by_worker + 8 * (8 + 16 + 24) + FRAME_TOPIC_MAX;

	CHECK(letter <= LIMIT_FAILURE_BYTES);
	CHECK(FRAME_TOPIC_MAX + LIMIT_FAILURE_BYTES + by_worker <= LIMIT_FRAME_MORE);
	CHECK_INT(FRAME_HEADERS_MAX, LIMIT_HEADERS + 2 * LIMIT_FAILURE_HEADERS);
	CHECK(FRAME_HEADERS_MAX <= 100000); /* what Kafka's client reads */
	CHECK(limits_frame(LIMIT_SIZE_MOST) < 1000000000); /* its largest message.max.bytes */
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		CHECK(limits_outputs(sizes[i]) >= sizes[i]);
		CHECK(limits_input(sizes[i]) >= limits_frame(sizes[i]));
		CHECK(limits_input(sizes[i]) >=
			LIMIT_BATCH_OUTPUT + limits_outputs(sizes[i]) + LIMIT_FRAME_MORE + 32);
		CHECK(limits_json(sizes[i]) <= UINT32_MAX);
	}
}

UNIT_MAIN
