/*
 * How often records of one partition have been begun without being finished, because an attempt
 * failed or their worker died: kept until the record is done, so that it outlives every process in the metadata of the
 * partition's commits. It never decides what becomes of a record.
 *
 * The text is " attempts=OFFSET:COUNT[,OFFSET:COUNT...]", or nothing at all. What a broker gives
 * back is a claim: what can't be read is as if nothing had been there.
 */
#ifndef LANE_ATTEMPTS_H
#define LANE_ATTEMPTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum {
	ATTEMPTS_MAX =
		32, /* records; the text stays under 1 KiB, of the broker's default of 4 KiB */
	ATTEMPTS_COUNT_MAX = 1000
};

struct attempts {
	struct {
		int64_t offset;
		uint16_t count; /* 1 to ATTEMPTS_COUNT_MAX */
	} items[ATTEMPTS_MAX];  /* by offset */
	size_t count;
	uint64_t version; /* grows with each change of the list */
};

/* Sets a record's count. When the list is full a new record is not remembered: after a restart of
 * everything it begins from 0. */
void attempts_set(struct attempts *attempts, int64_t offset, uint16_t count);
uint16_t attempts_get(const struct attempts *attempts, int64_t offset); /* 0: not in the list */
void attempts_done(struct attempts *attempts, int64_t offset);
void attempts_done_below(struct attempts *attempts, int64_t offset);

/* Takes over from `others`, from this offset on, what is more than is known here. */
void attempts_merge(
	struct attempts *attempts, const struct attempts *others, int64_t from_offset);

void attempts_write(const struct attempts *attempts, struct buf *text);

/* Reads a list back from a commit's metadata of `length` bytes, in place of what was there. */
void attempts_read(struct attempts *attempts, const char *metadata, size_t length);

#endif
