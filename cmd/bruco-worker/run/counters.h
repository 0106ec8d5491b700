/*
 * The page's counters of events.
 */
#ifndef BRUCO_WORKER_RUN_COUNTERS_H
#define BRUCO_WORKER_RUN_COUNTERS_H

#include <stddef.h>

#include "frame/frame.h"
#include "stats/page.h"

/* Counts an event that gave so many outputs of so many bytes. */
void count_event_done(
	struct page *page, const struct frame_record *record, int outputs, size_t bytes);

/* Around a call of the handler: times one of SAMPLE_EVENTS. */
int64_t count_sample_begin(struct page *page);
void count_sample_end(struct page *page, int64_t begun_ns);

/* Counts an event whose last attempt failed. */
void count_event_failed(struct page *page, const struct frame_record *record);

#endif
