/*
 * What the charts show: three values for each second of the last ten minutes. A second that nobody
 * knows of is NAN.
 */
#ifndef BRUCO_TOP_HISTORY_H
#define BRUCO_TOP_HISTORY_H

#include <stddef.h>
#include <stdint.h>

enum { HISTORY_SECONDS = 600 };

enum history_series {
	HISTORY_RATE,    /* records in, per second */
	HISTORY_LAG,     /* records */
	HISTORY_HANDLER, /* seconds of a call, the mean */
	HISTORY_SERIES
};

struct history {
	int64_t first_s, last_s; /* seconds of the clock that are recorded; -1: none */
	double sums[HISTORY_SERIES][HISTORY_SECONDS];
	unsigned counts[HISTORY_SERIES][HISTORY_SECONDS];
};

void history_init(struct history *history);

/* These values held from the last call of history_note or history_gap until now. A second that is
 * noted more often has the mean. Time does not go back. */
void history_note(struct history *history, int64_t now_ms, const double values[HISTORY_SERIES]);

/* Nothing is known of the time from the last call until now. */
void history_gap(struct history *history, int64_t now_ms);

/* How many seconds to show: 60, 120, 300 or 600, whatever holds all that was noted. */
int history_span(const struct history *history, int64_t now_ms);

/* Spreads the last `span_s` seconds of a series over `count` columns: the mean of each column's
 * seconds, NAN when none of them is known. Returns the greatest; 0 when there is none. */
double history_columns(const struct history *history, enum history_series series, int64_t now_ms,
	int span_s, double *columns, size_t count);

#endif
