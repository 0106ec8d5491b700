/* Numbers as short texts, for columns that are narrow. */
#ifndef BRUCO_MONITOR_AMOUNTS_H
#define BRUCO_MONITOR_AMOUNTS_H

#include <stdint.h>

enum { AMOUNT_ROOM = 24 };

/* Each writes into `room` and returns it; "-" for a negative number, which is one that is not
 * known. */
const char *amount_count(char room[AMOUNT_ROOM], double number);  /* 0.5, 812, 12.3k, 4.56M */
const char *amount_bytes(char room[AMOUNT_ROOM], double bytes);   /* 812 B, 24.5 MB */
const char *amount_short_time(char room[AMOUNT_ROOM], double s);  /* 25 us, 1.20 ms, 3.5 s, 4m12s */
const char *amount_time(char room[AMOUNT_ROOM], double s);        /* 3s, 4m12s, 2h05m, 3d04h */
const char *amount_percent(char room[AMOUNT_ROOM], double share); /* 97 % */

#endif
