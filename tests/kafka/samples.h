/*
 * What kafka-watch writes during a run, and the check that at none of its samples an offset was
 * committed before the record's output could be read.
 *
 * A sample is a line of words and numbers, each list as long as its topic has partitions:
 *
 *     MS committed C ... ends E ... dead D ... seen S ...
 *
 * MS is the monotonic clock's; C the group's offsets in the input (-1: none), asked for before the
 * ends E of the output and D of the dead letter (empty without one); S how many records of each
 * input partition the reader has seen in the output, as far as they have keys.
 */
#ifndef TESTS_KAFKA_SAMPLES_H
#define TESTS_KAFKA_SAMPLES_H

#include "table.h"

/* The input's records, in the order of each partition. */
struct places {
	struct place_list {
		struct place {
			int64_t offset;
			struct hash hash;
		} * items;
		size_t count, room;
	} * lists;
	int32_t count;
};

struct sample_faults {
	long long samples;
	long long early; /* records that were committed before they were delivered */
	long long back;  /* commits that were smaller than an earlier one */
};

void places_add(struct places *places, int32_t partition, int64_t offset, struct hash hash);
void places_release(struct places *places);

/* Ends the program when the file cannot be read. */
struct sample_faults samples_check(
	const char *path, const struct places *places, const struct table *table);

#endif
