/*
 * A line that would come again and again: at once, then after 1, 2, 4 ... 60 seconds.
 */
#ifndef BASE_PACE_H
#define BASE_PACE_H

#include <stdbool.h>
#include <stdint.h>

enum { PACE_FIRST_MS = 1000, PACE_LAST_MS = 60000 };

struct pace { /* zeroed: nothing was said yet */
	int64_t due;
	int64_t wait_ms;
};

static inline bool pace_begun(const struct pace *pace)
{
	return pace->wait_ms > 0;
}

/* Whether it is time to say it; if so, the next time is twice as far away. */
static inline bool pace_due(struct pace *pace, int64_t now)
{
	if (pace_begun(pace) && now < pace->due)
		return false;
	pace->wait_ms = pace_begun(pace) ? pace->wait_ms * 2 : PACE_FIRST_MS;
	if (pace->wait_ms > PACE_LAST_MS)
		pace->wait_ms = PACE_LAST_MS;
	pace->due = now + pace->wait_ms;
	return true;
}

#endif
