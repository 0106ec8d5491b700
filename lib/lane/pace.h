/*
 * How fast a lane's worker is: an estimate, from the acknowledgements of the last second, of the
 * time that it needs for the records which it has been given. Knows no clock; times are clock_ms.
 */
#ifndef LANE_PACE_H
#define LANE_PACE_H

#include <stdint.h>

struct pace_sample {
	int64_t time;
	uint64_t done; /* records acknowledged up to then */
};

struct pace {
	struct pace_sample older, newer; /* the estimate is from `older` on, half a second or more */
	int64_t last;                    /* time of the last progress */
};

/* The lane had nothing to do and gets its first record: what came before says nothing. */
void pace_begin(struct pace *pace, int64_t now, uint64_t done);

/* Records were acknowledged; `done` counts all that ever were. */
void pace_note(struct pace *pace, int64_t now, uint64_t done);

/* Milliseconds for `count` records. 0 while it is too early to tell. What a worker did before says
 * nothing of the event that it is stuck in: that is taken to go on for several times as long as
 * nothing has been acknowledged. */
int64_t pace_estimate(const struct pace *pace, int64_t now, uint64_t done, uint64_t count);

#endif
