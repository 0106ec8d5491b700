/*
 * What the driver serves over HTTP, and the last text of its metrics: a client that asks again and again
 * gets that text for SCRAPE_KEEP_MS, so that asking costs next to nothing.
 */
#ifndef BRUCO_DRIVER_SCRAPES_H
#define BRUCO_DRIVER_SCRAPES_H

#include <stdint.h>

#include "base/buf.h"
#include "bruco/monitor/http.h"

enum { SCRAPE_KEEP_MS = 100 };

struct scrapes {
	struct http *http; /* NULL: metrics.listen is not set */
	struct buf metrics;
	int64_t metrics_until; /* ms */
	char unready[512]; /* why it was not ready at that time; else "" */
};

void scrapes_close(struct scrapes *scrapes);

#endif
