/* The broker's own time, which may pass faster than the world's. */
#ifndef BRUCO_BROKER_SPEED_H
#define BRUCO_BROKER_SPEED_H

#include <stdint.h>

enum { SPEED_MOST = 100 };

/* From now on CLOCK_MONOTONIC passes `factor` times as fast in this process, and poll(2) waits as
 * much shorter. Call it once, before any thread starts. */
void speed_choose(int64_t factor);

#endif
