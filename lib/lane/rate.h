/*
 * A token bucket: so many records in a time, with a burst of what was not used before. Knows no clock;
 * times are clock_ms.
 */
#ifndef LANE_RATE_H
#define LANE_RATE_H

#include <stdbool.h>
#include <stdint.h>

struct rate {
	int64_t per_hour; /* 0: no limit, and then nothing else counts */
	int64_t burst;    /* records, at least 1 */
	int64_t level;    /* of the bucket, in records times RATE_UNIT: a millisecond adds per_hour */
	int64_t last;     /* when that was added */
};

enum { RATE_UNIT = 3600 * 1000 };

/* A burst of 0 is what a tenth of a second lets pass, at least one record. The bucket begins with one
 * record in it. */
void rate_init(struct rate *rate, int64_t per_hour, int64_t burst, int64_t now);

/* Whether a record may pass now; rate_take says that it did. */
bool rate_allows(struct rate *rate, int64_t now);
void rate_take(struct rate *rate);

/* Milliseconds until a record may pass; 0: now. */
int64_t rate_wait(struct rate *rate, int64_t now);

#endif
