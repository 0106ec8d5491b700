/*
 * How long something took, counted in classes of time: one writer, in a shared page, read as claims.
 */
#ifndef STATS_HISTOGRAM_H
#define STATS_HISTOGRAM_H

#include <stdatomic.h>
#include <stdint.h>

enum { HISTOGRAM_BOUNDS = 21 };

/* The upper bounds of the classes, in microseconds, ascending; one more class is above the last. */
extern const uint32_t histogram_bounds_us[HISTOGRAM_BOUNDS];

struct histogram {
	_Atomic uint64_t classes[HISTOGRAM_BOUNDS + 1]; /* how many in each class alone */
	_Atomic uint64_t sum_us;
};

/* The same as plain numbers: the sum of several histograms. */
struct histogram_sum {
	uint64_t classes[HISTOGRAM_BOUNDS + 1];
	uint64_t sum_us;
};

/* Negative durations count as 0. */
void histogram_add(struct histogram *histogram, int64_t ns);

void histogram_sum_add(struct histogram_sum *sum, const struct histogram *histogram);
uint64_t histogram_sum_count(const struct histogram_sum *sum);

/* The time in microseconds that a share (0 to 1) of all was below or at: the bound of the class in
 * which it lies. 0 when there is none; the last bound when it is above that. */
uint32_t histogram_sum_share_us(const struct histogram_sum *sum, double share);

#endif
