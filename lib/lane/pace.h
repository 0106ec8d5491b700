/*
 * How fast a lane's worker is, by the records that went out of its hands in the last second. Knows no
 * clock; times are clock_ms.
 */
#ifndef LANE_PACE_H
#define LANE_PACE_H

#include <stdint.h>

enum {
	PACE_SECOND_MS = 1000,
	PACE_SAMPLE_MS = 50,
	PACE_SAMPLES = PACE_SECOND_MS / PACE_SAMPLE_MS + 2
};

struct pace_sample {
	int64_t time;
	uint64_t done; /* records up to then */
};

struct pace {
	struct pace_sample ring[PACE_SAMPLES]; /* at least PACE_SAMPLE_MS apart */
	uint64_t count;                        /* samples that were ever taken */
	struct pace_sample begun;              /* when the lane got work the last time */
	int64_t last;                          /* time of the last progress */
	int64_t idle_since;                    /* -1: it has work */
};

/* The lane gets its first record, or the first one after pace_idle. The time without work does not
 * count: the worker is as fast as it was before. */
void pace_begin(struct pace *pace, int64_t now, uint64_t done);

/* Nothing is left in the worker's hands. */
void pace_idle(struct pace *pace, int64_t now);

/* Records went out of the worker's hands; `done` counts all that ever did. */
void pace_note(struct pace *pace, int64_t now, uint64_t done);

/* The time since the last progress was not the worker's: nobody took what it had done. */
void pace_excuse(struct pace *pace, int64_t now);

/* How many records the worker has done in the last second of its work. */
uint64_t pace_second(const struct pace *pace, int64_t now, uint64_t done);

/* Milliseconds for `count` records, by what was done since the lane got work. 0 while it is too early
 * to tell: a worker that had little to do shows little. */
int64_t pace_time(const struct pace *pace, int64_t now, uint64_t done, uint64_t count);

/* The same, on the safe side. What a worker did before says nothing of the event that it is stuck in:
 * that is taken to go on for several times as long as nothing has been done. */
int64_t pace_estimate(const struct pace *pace, int64_t now, uint64_t done, uint64_t count);

#endif
