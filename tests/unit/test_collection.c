/* When a batch is complete. */
#include "bruco-worker/run/collection.h"
#include "unit.h"

static const struct collection_limits limits = {.events = 3, .bytes = 1000, .wait_ms = 50};
static struct collection collection;

TEST(a_batch_is_complete_with_its_last_event_and_not_before)
{
	CHECK(!collection_add(&collection, &limits, 10, 0));
	CHECK(!collection_add(&collection, &limits, 10, 0));
	CHECK(collection_add(&collection, &limits, 10, 0));
	CHECK_INT(collection.events, 3);
}

TEST(a_batch_of_one_is_complete_at_once)
{
	const struct collection_limits one = {.events = 1, .bytes = 1000, .wait_ms = 50};

	CHECK(collection_add(&collection, &one, 10, 0));
}

TEST(a_batch_is_complete_when_it_has_its_bytes)
{
	CHECK(!collection_add(&collection, &limits, 999, 0));
	CHECK(collection_add(&collection, &limits, 1, 0));
}

TEST(an_event_larger_than_all_of_a_batch_is_a_batch)
{
	CHECK(collection_add(&collection, &limits, 5000, 0));
}

TEST(the_first_event_sets_the_time_that_the_others_have)
{
	CHECK_INT(collection_wait_ms(&collection, 1000), -1);
	collection_add(&collection, &limits, 1, 1000);
	CHECK_INT(collection_wait_ms(&collection, 1000), 50);
	collection_add(&collection, &limits, 1, 1040);
	CHECK_INT(collection_wait_ms(&collection, 1040), 10);
	CHECK_INT(collection_wait_ms(&collection, 1050), 0);
	CHECK_INT(collection_wait_ms(&collection, 9999), 0);
}

TEST(what_was_emptied_begins_anew)
{
	collection_add(&collection, &limits, 999, 0);
	collection = (struct collection){0};
	CHECK_INT(collection_wait_ms(&collection, 100), -1);
	CHECK(!collection_add(&collection, &limits, 1, 100));
	CHECK_INT(collection_wait_ms(&collection, 110), 40);
}

UNIT_MAIN
