/* What the source tells the sink to commit: written and read back, and whatever else is not taken. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "kafka/cut.h"
#include "unit.h"

static void *member(size_t *size)
{
	rd_kafka_consumer_group_metadata_t *metadata =
		rd_kafka_consumer_group_metadata_new_with_genid("group", 7, "member", "instance");
	void *bytes = NULL;

	CHECK(rd_kafka_consumer_group_metadata_write(metadata, &bytes, size) == NULL);
	rd_kafka_consumer_group_metadata_destroy(metadata);
	return bytes;
}

static void write_sample(struct buf *out, int partitions)
{
	rd_kafka_topic_partition_list_t *offsets = rd_kafka_topic_partition_list_new(2);
	size_t size;
	void *bytes = member(&size);

	for (int i = 0; i < partitions; i++) {
		rd_kafka_topic_partition_t *entry =
			rd_kafka_topic_partition_list_add(offsets, "orders", i);

		entry->offset = INT64_C(5000000000) + i;
		if (i == 0)
			continue;
		entry->metadata = mem_text("attempts=3:1");
		entry->metadata_size = strlen(entry->metadata);
	}
	kafka_cut_write(out, "cluster", "group", bytes, size, offsets);
	rd_kafka_topic_partition_list_destroy(offsets);
	free(bytes);
}

TEST(offsets_with_and_without_metadata_are_read_back)
{
	struct buf out = {0};
	struct kafka_cut cut;
	const rd_kafka_topic_partition_t *first, *second;

	write_sample(&out, 2);
	CHECK(kafka_cut_read(&cut, out.data, out.length));
	CHECK_TEXT(cut.cluster, "cluster");
	CHECK_TEXT(cut.group, "group");
	CHECK(cut.member != NULL);
	CHECK_INT(cut.offsets->cnt, 2);
	first = &cut.offsets->elems[0];
	second = &cut.offsets->elems[1];
	CHECK_TEXT(first->topic, "orders");
	CHECK_INT(first->partition, 0);
	CHECK_INT(first->offset, INT64_C(5000000000));
	CHECK_INT((long long)first->metadata_size, 0);
	CHECK_INT(second->partition, 1);
	CHECK_INT((long long)second->metadata_size, 12);
	CHECK(memcmp(second->metadata, "attempts=3:1", 12) == 0);
	kafka_cut_release(&cut);
	buf_release(&out);
}

TEST(nothing_to_commit_is_a_cut_too)
{
	struct buf out = {0};
	struct kafka_cut cut;

	write_sample(&out, 0);
	CHECK(kafka_cut_read(&cut, out.data, out.length));
	CHECK_INT(cut.offsets->cnt, 0);
	kafka_cut_release(&cut);
	buf_release(&out);
}

/* Cut off at a place between two partitions it would be another one, but no memory file is. */
TEST(a_cut_that_is_cut_off_or_wrong_is_refused)
{
	struct buf out = {0}, none = {0};
	struct kafka_cut cut;
	size_t bare;

	write_sample(&none, 0);
	bare = none.length;
	write_sample(&out, 1);
	for (size_t length = 0; length < out.length; length++)
		CHECK(kafka_cut_read(&cut, out.data, length) == (length == bare));
	for (size_t i = 0; i < sizeof(uint64_t); i++) { /* a length beyond all */
		out.data[i] = 0xff;
		CHECK(!kafka_cut_read(&cut, out.data, out.length));
	}
	buf_release(&out);
	buf_release(&none);
}

UNIT_MAIN
