#include "lane/pace.h"

enum {
	SAMPLE_MS = 500,
	EARLY_MS = 100,  /* acknowledgements come in bursts: the sink's producer collects batches */
	STILL_FACTOR = 8 /* long against bursts, short against an event that is stuck */
};

void pace_begin(struct pace *pace, int64_t now, uint64_t done)
{
	pace->older = pace->newer = (struct pace_sample){.time = now, .done = done};
	pace->last = now;
}

void pace_note(struct pace *pace, int64_t now, uint64_t done)
{
	pace->last = now;
	if (now - pace->newer.time < SAMPLE_MS)
		return;
	pace->older = pace->newer;
	pace->newer = (struct pace_sample){.time = now, .done = done};
}

int64_t pace_estimate(const struct pace *pace, int64_t now, uint64_t done, uint64_t count)
{
	int64_t elapsed = now - pace->older.time;
	int64_t whole = elapsed * (int64_t)count / (int64_t)(done - pace->older.done + 1);
	int64_t still = (now - pace->last) * STILL_FACTOR;

	if (elapsed < EARLY_MS || count == 0)
		return 0;
	return whole > still ? whole : still;
}
