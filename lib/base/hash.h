/*
 * FNV-1a, 64 bits: for spreading and for names of files, not against anybody.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_START UINT64_C(0xcbf29ce484222325)

/* `mix` with more bytes in it; begins with HASH_START. */
static inline uint64_t hash_more(uint64_t mix, const void *data, size_t length)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < length; i++)
		mix = (mix ^ bytes[i]) * 0x100000001b3U;
	return mix;
}

#endif
