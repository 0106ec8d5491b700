#include "stats/histogram.h"

const uint32_t histogram_bounds_us[HISTOGRAM_BOUNDS] = {10, 25, 50, 100, 250, 500, 1000, 2500, 5000,
	10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000, 30000000,
	60000000};

/* One writer: a plain load and store is cheaper than a locked add. */
static void more(_Atomic uint64_t *at, uint64_t value)
{
	atomic_store_explicit(
		at, atomic_load_explicit(at, memory_order_relaxed) + value, memory_order_relaxed);
}

void histogram_add(struct histogram *histogram, int64_t ns)
{
	uint64_t us = ns < 0 ? 0 : (uint64_t)ns / 1000;
	int class = 0;

	while (class < HISTOGRAM_BOUNDS && us > histogram_bounds_us[class])
		class++;
	more(&histogram->classes[class], 1);
	more(&histogram->sum_us, us);
}

void histogram_sum_add(struct histogram_sum *sum, const struct histogram *histogram)
{
	for (int i = 0; i <= HISTOGRAM_BOUNDS; i++)
		sum->classes[i] +=
			atomic_load_explicit(&histogram->classes[i], memory_order_relaxed);
	sum->sum_us += atomic_load_explicit(&histogram->sum_us, memory_order_relaxed);
}

uint64_t histogram_sum_count(const struct histogram_sum *sum)
{
	uint64_t count = 0;

	for (int i = 0; i <= HISTOGRAM_BOUNDS; i++)
		count += sum->classes[i];
	return count;
}

uint32_t histogram_sum_share_us(const struct histogram_sum *sum, double share)
{
	double wanted = share * (double)histogram_sum_count(sum);
	uint64_t below = 0;

	if (wanted <= 0)
		return 0;
	for (int i = 0; i < HISTOGRAM_BOUNDS; i++) {
		below += sum->classes[i];
		if ((double)below >= wanted)
			return histogram_bounds_us[i];
	}
	return histogram_bounds_us[HISTOGRAM_BOUNDS - 1];
}
