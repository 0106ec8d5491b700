#include "lane/rate.h"

enum { TENTH_OF_A_SECOND = 36000 /* of them are an hour */ };

void rate_init(struct rate *rate, int64_t per_hour, int64_t burst, int64_t now)
{
	int64_t tenth = (per_hour + TENTH_OF_A_SECOND - 1) / TENTH_OF_A_SECOND;

	*rate = (struct rate){.per_hour = per_hour, .level = RATE_UNIT, .last = now};
	rate->burst = burst > 0 ? burst : tenth > 0 ? tenth : 1;
}

/* What came in since the last time; a bucket that is full takes no more, and the level stays in its type
 * however long nobody looked. Half a record more finds room, or a burst of one would lose what comes in
 * between two looks. */
static void fill(struct rate *rate, int64_t now)
{
	int64_t most = rate->burst * RATE_UNIT + RATE_UNIT / 2;
	int64_t ms = now - rate->last;

	if (ms <= 0)
		return;
	rate->last = now;
	if (ms > (most - rate->level) / rate->per_hour)
		rate->level = most;
	else
		rate->level += ms * rate->per_hour;
}

bool rate_allows(struct rate *rate, int64_t now)
{
	if (rate->per_hour == 0)
		return true;
	fill(rate, now);
	return rate->level >= RATE_UNIT;
}

void rate_take(struct rate *rate)
{
	if (rate->per_hour != 0)
		rate->level -= RATE_UNIT;
}

int64_t rate_wait(struct rate *rate, int64_t now)
{
	if (rate_allows(rate, now))
		return 0;
	return (RATE_UNIT - rate->level + rate->per_hour - 1) / rate->per_hour;
}
