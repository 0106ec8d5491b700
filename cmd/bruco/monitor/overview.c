#include "bruco/monitor/overview.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

const char *const overview_role_names[OVERVIEW_ROLES] = {"source", "sink", "worker"};

const char *const restart_cause_names[RESTART_CAUSES] = {
	"signal", "exit", "timeout", "memory", "recycled"};

const char *const failure_reason_names[FAILURE_REASONS] = {"handler", "death", "refused"};

static bool is_gauge(int counter)
{
	return counter == COUNT_IN_FLIGHT || counter == COUNT_UNDER_WAY;
}

void tally_add(struct tally *tally, enum overview_role role, struct page *page, bool gauges)
{
	for (int i = 0; i < COUNT_MAX; i++)
		if (gauges || !is_gauge(i))
			tally->counters[role][i] += page_get(page, (enum counter)i);
	histogram_sum_add(&tally->times[role], &page->times);
}

uint64_t tally_restarts(const struct tally *tally)
{
	uint64_t sum = 0;

	for (int role = 0; role < OVERVIEW_ROLES; role++)
		for (int cause = 0; cause < RESTART_CAUSES; cause++)
			sum += tally->restarts[role][cause];
	return sum;
}

uint64_t tally_failed(const struct tally *tally, enum failure_reason reason)
{
	const uint64_t *sink = tally->counters[OVERVIEW_SINK];
	uint64_t others = sink[COUNT_DIED] + sink[COUNT_REFUSED];

	switch (reason) {
	case FAILURE_DEATH:
		return sink[COUNT_DIED];
	case FAILURE_REFUSED:
		return sink[COUNT_REFUSED];
	default: /* the counters were not read at one moment */
		return sink[COUNT_FAILED] > others ? sink[COUNT_FAILED] - others : 0;
	}
}

void overview_release(struct overview *overview)
{
	free(overview->stages);
	free(overview->runs);
	free(overview->board);
	overview->stages = NULL;
	overview->runs = NULL;
	overview->board = NULL;
}

int64_t overview_lag(const struct board_partition *row)
{
	int64_t from = row->committed >= 0 ? row->committed : row->position;

	if (row->end < 0 || from < 0)
		return -1;
	return row->end > from ? row->end - from : 0;
}

int64_t overview_lag_sum(const struct overview *overview)
{
	int64_t sum = -1;

	for (uint32_t i = 0; overview->board != NULL && i < overview->board->partition_count; i++) {
		int64_t lag = overview_lag(&overview->board->rows[i]);

		if (lag >= 0 && __builtin_add_overflow(sum < 0 ? 0 : sum, lag, &sum))
			return INT64_MAX;
	}
	return sum;
}

int64_t overview_lag_ms(const struct overview *overview, const struct board_partition *row)
{
	int64_t lag = overview_lag(row);

	if (lag == 0)
		return 0;
	if (lag < 0 || row->newest_ms < 0)
		return -1;
	return overview->wall_ms > row->newest_ms ? overview->wall_ms - row->newest_ms : 0;
}

int64_t overview_oldest_ms(const struct overview *overview)
{
	const struct board *board = overview->board;
	int64_t oldest = overview->now_ms;

	for (uint32_t i = 0; board != NULL && i < board->lane_count; i++)
		if (board->lanes[i].oldest_ms > 0 && board->lanes[i].oldest_ms < oldest)
			oldest = board->lanes[i].oldest_ms;
	return overview->now_ms - oldest;
}

void overview_why(char text[64], const struct board_partition *row)
{
	if ((row->flags & BOARD_PAUSED) != 0)
		snprintf(text, 64, "paused");
	else if (overview_lag(row) == 0)
		snprintf(text, 64, "at the end");
	else if ((row->flags & BOARD_FULL) != 0 && row->lane < BOARD_LANES)
		snprintf(text, 64, "waits for worker %" PRIu32, row->lane);
	else if ((row->flags & BOARD_FULL) != 0)
		snprintf(text, 64, "waits for workers");
	else if ((row->flags & BOARD_AT_END) != 0)
		snprintf(text, 64, "in hand");
	else
		snprintf(text, 64, "moving");
}

static const char *find_stalled(const struct overview *overview, int64_t stall_ms)
{
	static char text[BOARD_TOPIC + 128];
	const struct board *board = overview->board;

	if (board->broker_failing != 0 && overview->now_ms - board->broker_ms >= stall_ms) {
		snprintf(text, sizeof text, "no broker of the source has answered for %" PRId64 " s",
			(overview->now_ms - board->broker_ms) / 1000);
		return text;
	}
	for (uint32_t i = 0; i < board->partition_count; i++) {
		const struct board_partition *row = &board->rows[i];

		if ((row->flags & BOARD_PAUSED) != 0 || overview_lag(row) <= 0 ||
			overview->now_ms - row->moved_ms < stall_ms)
			continue;
		snprintf(text, sizeof text,
			"%s[%" PRId32 "] is %" PRId64
			" records behind and nothing of it was done for %" PRId64 " s",
			row->topic, row->id, overview_lag(row),
			(overview->now_ms - row->moved_ms) / 1000);
		return text;
	}
	return NULL;
}

const char *overview_unready(const struct overview *overview, int64_t stall_ms)
{
	if (overview->unready[0] != '\0')
		return overview->unready;
	return overview->board == NULL ? NULL : find_stalled(overview, stall_ms);
}
