#include "bruco/top/history.h"

#include <math.h>
#include <string.h>

void history_init(struct history *history)
{
	memset(history, 0, sizeof *history);
	history->first_s = history->last_s = -1;
}

/* Empties the seconds after the last one; they were those of ten minutes ago. Returns the first of
 * them. */
static int64_t move_to(struct history *history, int64_t second)
{
	int64_t from = history->last_s + 1;

	if (history->last_s < 0)
		history->first_s = from = second;
	if (from < second - HISTORY_SECONDS + 1)
		from = second - HISTORY_SECONDS + 1;
	for (int64_t at = from; at <= second; at++)
		for (int series = 0; series < HISTORY_SERIES; series++) {
			history->counts[series][at % HISTORY_SECONDS] = 0;
			history->sums[series][at % HISTORY_SECONDS] = 0;
		}
	history->last_s = second;
	return from <= second ? from : second;
}

void history_note(struct history *history, int64_t now_ms, const double values[HISTORY_SERIES])
{
	int64_t second = now_ms / 1000;

	for (int64_t at = move_to(history, second); at <= second; at++)
		for (int series = 0; series < HISTORY_SERIES; series++) {
			if (isnan(values[series]))
				continue;
			history->sums[series][at % HISTORY_SECONDS] += values[series];
			history->counts[series][at % HISTORY_SECONDS]++;
		}
}

void history_gap(struct history *history, int64_t now_ms)
{
	move_to(history, now_ms / 1000);
}

int history_span(const struct history *history, int64_t now_ms)
{
	int64_t seconds = history->first_s < 0 ? 0 : now_ms / 1000 - history->first_s + 1;

	return seconds <= 60 ? 60 : seconds <= 120 ? 120 : seconds <= 300 ? 300 : HISTORY_SECONDS;
}

static double mean_between(
	const struct history *history, enum history_series series, int64_t from, int64_t to)
{
	double sum = 0;
	int count = 0;

	for (int64_t at = from; at < to; at++) {
		size_t place = (size_t)(at % HISTORY_SECONDS);

		if (history->first_s < 0 || at < history->first_s || at > history->last_s ||
			at <= history->last_s - HISTORY_SECONDS ||
			history->counts[series][place] == 0)
			continue;
		sum += history->sums[series][place] / history->counts[series][place];
		count++;
	}
	return count == 0 ? NAN : sum / count;
}

double history_columns(const struct history *history, enum history_series series, int64_t now_ms,
	int span_s, double *columns, size_t count)
{
	int64_t start = now_ms / 1000 + 1 - span_s;
	double most = 0;

	for (size_t i = 0; i < count; i++) {
		int64_t from = start + (int64_t)i * span_s / (int64_t)count;
		int64_t to = start + (int64_t)(i + 1) * span_s / (int64_t)count;

		columns[i] = mean_between(history, series, from, to > from ? to : from + 1);
		if (columns[i] > most)
			most = columns[i];
	}
	return most;
}
