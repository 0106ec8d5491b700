#include "bruco/monitor/summary.h"

#include <inttypes.h>
#include <stdbool.h>

struct item {
	const char *word;  /* in the line */
	const char *field; /* in JSON */
	uint64_t value;
	bool always; /* shown when it is 0, too */
};

static void write_items(const struct item *items, size_t count, struct buf *text, struct buf *fields)
{
	for (size_t i = 0; i < count; i++) {
		const struct item *item = &items[i];

		if (item->always || item->value > 0)
			buf_printf(text, "%s%s %" PRIu64, text->length > 0 ? ", " : "", item->word,
				item->value);
		buf_printf(fields, "%s\"%s\": %" PRIu64, fields->length > 0 ? ", " : "",
			item->field, item->value);
	}
}

void summary_write(const struct overview *overview, struct buf *text, struct buf *fields)
{
	const struct tally *tally = &overview->tally;
	const uint64_t *source = tally->counters[OVERVIEW_SOURCE];
	const uint64_t *sink = tally->counters[OVERVIEW_SINK];
	const uint64_t *worker = tally->counters[OVERVIEW_WORKER];
	const struct item items[] = {{"in", "in", source[COUNT_RECORDS_IN], true},
		{"out", "out", sink[COUNT_RECORDS_OUT], true},
		{"filtered", "filtered", sink[COUNT_FILTERED], false},
		{"failed", "failed", sink[COUNT_FAILED], false},
		{"retried", "retried", worker[COUNT_RETRIED], false},
		{"dead letters", "dead_letters", sink[COUNT_LETTERS], false},
		{"skipped", "skipped", sink[COUNT_SKIPPED], false},
		{"restarts", "restarts", tally_restarts(tally), false},
		{"bytes in", "bytes_in", source[COUNT_BYTES_IN], true},
		{"bytes out", "bytes_out", sink[COUNT_BYTES_OUT], true}};
	double seconds = (double)overview->ready_ms / 1000;
	double rate = seconds == 0 ? 0 : (double)source[COUNT_RECORDS_IN] / seconds;
	int64_t lag = overview_lag_sum(overview);

	write_items(items, sizeof items / sizeof items[0], text, fields);
	buf_printf(text, ", %.2f s, %.0f records/s", seconds, rate);
	buf_printf(fields, ", \"seconds\": %.3f, \"rate\": %.1f", seconds, rate);
	if (lag >= 0) {
		buf_printf(text, ", lag %" PRId64, lag);
		buf_printf(fields, ", \"lag\": %" PRId64, lag);
	}
	buf_byte(text, '\0');
	buf_byte(fields, '\0');
}
