/*
 * Durations, sizes and times as texts: exact and short, as they stand in config.yaml. `text` has at
 * least 32 bytes.
 */
#ifndef BASE_FORMAT_H
#define BASE_FORMAT_H

#include <stdint.h>

void format_duration(char text[32], int64_t ms); /* 1h, 90s, 200ms */
void format_size(char text[32], int64_t bytes);  /* 4MiB, 1500 */

void format_rate(char text[32], int64_t per_hour); /* 100/s, 50/m, 7/h */

/* 2026-01-31T12:00:00.000Z, or "@" and the milliseconds after the year 9999. `ms` since 1970. */
void format_time(char text[32], int64_t ms);

#endif
