#include "lane/pace.h"

enum {
	EARLY_MS = 100,  /* acknowledgements come in bursts: the sink's producer collects batches */
	STILL_FACTOR = 8 /* long against bursts, short against an event that is stuck */
};

static struct pace_sample *sample(struct pace *pace, uint64_t number)
{
	return &pace->ring[number % PACE_SAMPLES];
}

static void add(struct pace *pace, int64_t now, uint64_t done)
{
	*sample(pace, pace->count++) = (struct pace_sample){.time = now, .done = done};
}

void pace_begin(struct pace *pace, int64_t now, uint64_t done)
{
	if (pace->count == 0)
		add(pace, now, done);
	else if (pace->idle_since >= 0)
		for (int i = 0; i < PACE_SAMPLES; i++)
			pace->ring[i].time += now - pace->idle_since;
	pace->idle_since = -1;
	pace->begun = (struct pace_sample){.time = now, .done = done};
	pace->last = now;
}

void pace_idle(struct pace *pace, int64_t now)
{
	pace->idle_since = now;
}

void pace_note(struct pace *pace, int64_t now, uint64_t done)
{
	pace->last = now;
	if (pace->count == 0 || now - sample(pace, pace->count - 1)->time >= PACE_SAMPLE_MS)
		add(pace, now, done);
}

void pace_excuse(struct pace *pace, int64_t now)
{
	pace->last = now;
}

/* The newest sample that is a second old, or else the oldest. */
static struct pace_sample a_second_ago(const struct pace *pace, int64_t now)
{
	uint64_t oldest = pace->count > PACE_SAMPLES ? pace->count - PACE_SAMPLES : 0;
	uint64_t number = pace->count - 1;

	while (number > oldest && now - pace->ring[number % PACE_SAMPLES].time < PACE_SECOND_MS)
		number--;
	return pace->ring[number % PACE_SAMPLES];
}

uint64_t pace_second(const struct pace *pace, int64_t now, uint64_t done)
{
	struct pace_sample from;
	uint64_t elapsed;

	if (pace->count == 0)
		return 0;
	from = a_second_ago(pace, now);
	elapsed = (uint64_t)(now - from.time);
	if (elapsed <= PACE_SECOND_MS)
		return done - from.done;
	return (done - from.done) * PACE_SECOND_MS / elapsed;
}

int64_t pace_time(const struct pace *pace, int64_t now, uint64_t done, uint64_t count)
{
	struct pace_sample from;
	int64_t elapsed;

	if (pace->count == 0)
		return 0;
	from = a_second_ago(pace, now);
	if (from.time < pace->begun.time)
		from = pace->begun;
	elapsed = now - from.time;
	if (elapsed < EARLY_MS)
		return 0;
	return elapsed * (int64_t)count / (int64_t)(done - from.done + 1);
}

int64_t pace_estimate(const struct pace *pace, int64_t now, uint64_t done, uint64_t count)
{
	int64_t time = pace_time(pace, now, done, count);
	int64_t still = (now - pace->last) * STILL_FACTOR;

	if (count == 0 || now - pace->begun.time < EARLY_MS)
		return 0;
	return time > still ? time : still;
}
