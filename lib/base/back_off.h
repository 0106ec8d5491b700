/*
 * How soon something that has failed is started again.
 */
#ifndef BASE_BACK_OFF_H
#define BASE_BACK_OFF_H

#include <stdint.h>

enum { BACK_OFF_FIRST_MS = 100, BACK_OFF_MOST_MS = 30000 };

/* How long to wait after this many failures in a row: 0, 100, 200, 400 ... 30000 ms. */
int64_t back_off_ms(unsigned failures);

#endif
