#include "bruco-worker/run/counters.h"

#include "base/clock.h"

static void count_in(struct page *page, const struct frame_record *record)
{
	page_count(page, COUNT_RECORDS_IN, 1);
	page_count(page, COUNT_BYTES_IN, record->head.length);
}

void count_event_done(
	struct page *page, const struct frame_record *record, int outputs, size_t bytes)
{
	count_in(page, record);
	if (outputs > 0) {
		page_count(page, COUNT_RECORDS_OUT, (uint64_t)outputs);
		page_count(page, COUNT_BYTES_OUT, bytes);
	} else {
		page_count(page, COUNT_FILTERED, 1);
	}
}

void count_event_failed(struct page *page, const struct frame_record *record)
{
	count_in(page, record);
	page_count(page, COUNT_FAILED, 1);
}

int64_t count_sample_begin(struct page *page)
{
	return page_get(page, COUNT_RECORDS_IN) % SAMPLE_EVENTS == 0 ? clock_ns() : 0;
}

void count_sample_end(struct page *page, int64_t begun_ns)
{
	if (begun_ns != 0)
		histogram_add(&page->times, clock_ns() - begun_ns);
}
