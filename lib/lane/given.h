/*
 * How far the source has given its lanes to the workers, for the sink: a worker is not believed when it
 * answers an input that it was never given. One small memory that the driver makes for each pair of source and
 * sink, written by the source and read by the sink; no worker has it.
 */
#ifndef LANE_GIVEN_H
#define LANE_GIVEN_H

#include <stdatomic.h>
#include <stdint.h>

#include "frame/limits.h"

struct given {
	_Atomic uint64_t seq[LIMIT_LANES];
};

int given_create(void); /* a descriptor for given_map, or -1 with errno */

/* Ends the program on failure. Takes the descriptor over. */
struct given *given_map(int fd);

/* Before the bytes of the input can reach the worker. NULL, by hand: nothing is noted. */
static inline void given_note(struct given *given, unsigned lane, uint64_t seq)
{
	if (given != NULL)
		atomic_store_explicit(&given->seq[lane], seq, memory_order_release);
}

/* After the worker's bytes were read. NULL: as if all were given. */
static inline uint64_t given_to(struct given *given, unsigned lane)
{
	return given == NULL ? UINT64_MAX : atomic_load_explicit(&given->seq[lane], memory_order_acquire);
}

#endif
