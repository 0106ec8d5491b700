/*
 * Time. All waits, deadlines and intervals are monotonic; the wall clock is for log lines only.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

int64_t clock_ms(void);        /* monotonic milliseconds */
int64_t clock_ns(void);        /* monotonic nanoseconds */
int64_t clock_boot_ms(void);   /* the same, but it goes on while the machine sleeps */
int64_t clock_coarse_ns(void); /* the same clock at the kernel's tick (1-4 ms), 5 ns a call */

/* The time now as 2026-01-31T12:00:00.123Z; at least 25 bytes of room. */
void clock_stamp(char *text, size_t size);

/* Milliseconds left until a deadline for poll(2): 0 when past, -1 for a deadline of -1 (never). */
int clock_left(int64_t deadline_ms, int64_t now_ms);

/* The shorter of two time-outs for poll(2), of which -1 is the longest. */
static inline int clock_shorter(int one, int other)
{
	return one < 0 ? other : other < 0 || one < other ? one : other;
}

/* The sooner of two deadlines, of which -1 never comes. */
static inline int64_t clock_sooner(int64_t one, int64_t other)
{
	return one < 0 ? other : other < 0 || one < other ? one : other;
}

#endif
