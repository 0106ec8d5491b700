/*
 * How many processors there are to run on.
 */
#ifndef BASE_PROCESSORS_H
#define BASE_PROCESSORS_H

#include <stdint.h>

/* Those that this process may use by its affinity, or as many as the quota of its control group
 * amounts to if that is less; 1 or more. */
uint32_t processors_available(void);

#endif
