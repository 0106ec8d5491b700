#include "bruco/monitor/overview_json.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/format.h"
#include "base/printable.h"
#include "base/version.h"

static const char *const run_words[] = {"idle", "running", "writing", "together"};
static const char *const lane_words[] = {"waiting", "open", "down", "gone"};

static const char *word(const char *const *words, size_t count, uint32_t index)
{
	return index < count ? words[index] : "unknown";
}
#define WORD(words, index) word(words, sizeof(words) / sizeof(words)[0], index)

const char *overview_run_word(uint32_t state)
{
	return WORD(run_words, state);
}

static void set_count(json_t *object, const char *name, uint64_t value)
{
	json_object_set_new(
		object, name, json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value));
}

static void set_ms(json_t *object, const char *name, int64_t ms)
{
	json_object_set_new(object, name, json_real((double)ms / 1000));
}

/* Negative: null. */
static void set_known(json_t *object, const char *name, int64_t value)
{
	json_object_set_new(object, name, value < 0 ? json_null() : json_integer(value));
}

static void set_text(json_t *object, const char *name, const char *text)
{
	json_t *value = json_string(text);
	struct buf shown = {0};

	if (value == NULL) { /* no UTF-8 */
		printable_append(PRINTABLE_TEXT, &shown, text, strlen(text));
		value = json_stringn((const char *)shown.data, shown.length);
		buf_release(&shown);
	}
	json_object_set_new(object, name, value);
}

static json_t *restarts(const struct tally *tally)
{
	json_t *object = json_object();

	for (int cause = 0; cause < RESTART_CAUSES; cause++) {
		uint64_t sum = 0;

		for (int role = 0; role < OVERVIEW_ROLES; role++)
			sum += tally->restarts[role][cause];
		set_count(object, restart_cause_names[cause], sum);
	}
	return object;
}

static json_t *totals(const struct overview *overview)
{
	const uint64_t *source = overview->tally.counters[OVERVIEW_SOURCE];
	const uint64_t *sink = overview->tally.counters[OVERVIEW_SINK];
	const uint64_t *worker = overview->tally.counters[OVERVIEW_WORKER];
	json_t *object = json_object(), *failed = json_object();

	set_count(object, "in", source[COUNT_RECORDS_IN]);
	set_count(object, "out", sink[COUNT_RECORDS_OUT]);
	set_count(object, "bytes_in", source[COUNT_BYTES_IN]);
	set_count(object, "bytes_out", sink[COUNT_BYTES_OUT]);
	set_count(object, "acknowledged", source[COUNT_RECORDS_OUT]);
	set_count(object, "filtered", sink[COUNT_FILTERED]);
	for (int reason = 0; reason < FAILURE_REASONS; reason++)
		set_count(failed, failure_reason_names[reason],
			tally_failed(&overview->tally, (enum failure_reason)reason));
	json_object_set_new(object, "failed", failed);
	set_count(object, "skipped", sink[COUNT_SKIPPED]);
	set_count(object, "dead_letters", sink[COUNT_LETTERS]);
	set_count(object, "retried", worker[COUNT_RETRIED]);
	set_count(object, "resent", source[COUNT_RESENT]);
	set_count(object, "commits", source[COUNT_COMMITS]);
	set_count(object, "transactions", sink[COUNT_TRANSACTIONS]);
	set_count(object, "transactions_aborted", sink[COUNT_ABORTED]);
	set_count(object, "rebalances", source[COUNT_REBALANCES]);
	json_object_set_new(object, "restarts", restarts(&overview->tally));
	set_count(object, "in_flight", source[COUNT_IN_FLIGHT]);
	set_count(object, "under_way", sink[COUNT_UNDER_WAY]);
	set_known(object, "lag", overview_lag_sum(overview));
	set_ms(object, "oldest_s", overview_oldest_ms(overview));
	return object;
}

static json_t *time_of(const struct histogram_sum *sum)
{
	json_t *object = json_object();

	set_count(object, "count", histogram_sum_count(sum));
	json_object_set_new(object, "sum_s", json_real((double)sum->sum_us / 1e6));
	json_object_set_new(object, "p50_s", json_real(histogram_sum_share_us(sum, 0.5) / 1e6));
	json_object_set_new(object, "p99_s", json_real(histogram_sum_share_us(sum, 0.99) / 1e6));
	return object;
}

static json_t *times(const struct overview *overview)
{
	json_t *object = json_object();

	json_object_set_new(
		object, "handler", time_of(&overview->tally.times[OVERVIEW_WORKER]));
	json_object_set_new(object, "way", time_of(&overview->tally.times[OVERVIEW_SOURCE]));
	json_object_set_new(object, "commit", time_of(&overview->tally.times[OVERVIEW_SINK]));
	return object;
}

static json_t *stages(const struct overview *overview)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < overview->workers + 2; i++) {
		const struct overview_stage *stage = &overview->stages[i];
		json_t *object = json_object();

		set_text(object, "name", stage->name);
		set_text(object, "role", overview_role_names[stage->role]);
		set_known(object, "pid", stage->pid > 0 ? stage->pid : -1);
		json_object_set_new(object, "ready", json_boolean(stage->ready));
		set_ms(object, "up_s", stage->up_ms);
		set_ms(object, "cpu_s", (int64_t)stage->cpu_ms);
		set_count(object, "memory_bytes", stage->memory);
		set_count(object, "starts", stage->starts);
		json_array_append_new(list, object);
	}
	return list;
}

static void set_lane(json_t *object, const struct board_lane *lane)
{
	set_text(object, "state", WORD(lane_words, lane->state));
	set_count(object, "in_hands", lane->in_hands);
	if (lane->limit == UINT64_MAX)
		json_object_set_new(object, "limit", json_null());
	else
		set_count(object, "limit", lane->limit);
	set_count(object, "window_bytes", lane->window);
	set_count(object, "window_limit_bytes", lane->window_limit);
	set_count(object, "done", lane->done);
	set_count(object, "rate", lane->rate);
}

static json_t *lanes(const struct overview *overview)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < overview->workers; i++) {
		const struct overview_run *run = &overview->runs[i];
		json_t *object = json_object();

		set_count(object, "worker", i);
		set_text(object, "run", overview_run_word(run->state));
		set_count(object, "seq", run->seq);
		set_count(object, "attempt", run->attempt);
		set_ms(object, "for_s", run->for_ms);
		if (overview->board != NULL && i < overview->board->lane_count)
			set_lane(object, &overview->board->lanes[i]);
		json_array_append_new(list, object);
	}
	return list;
}

static json_t *partitions(const struct overview *overview)
{
	json_t *list = json_array();
	char why[64];

	for (uint32_t i = 0; overview->board != NULL && i < overview->board->partition_count; i++) {
		const struct board_partition *row = &overview->board->rows[i];
		int64_t lag_ms = overview_lag_ms(overview, row);
		json_t *object = json_object();

		set_text(object, "topic", row->topic);
		json_object_set_new(object, "partition", json_integer(row->id));
		set_known(object, "worker", row->lane < BOARD_LANES ? (int64_t)row->lane : -1);
		set_known(object, "committed", row->committed);
		set_known(object, "position", row->position);
		set_known(object, "end", row->end);
		set_known(object, "lag", overview_lag(row));
		if (lag_ms < 0)
			json_object_set_new(object, "lag_s", json_null());
		else
			set_ms(object, "lag_s", lag_ms);
		set_count(object, "in_flight", row->in_flight);
		json_object_set_new(
			object, "paused", json_boolean((row->flags & BOARD_PAUSED) != 0));
		overview_why(why, row);
		set_text(object, "state", why);
		json_array_append_new(list, object);
	}
	return list;
}

json_t *overview_json(const struct overview *overview, const char *unready)
{
	json_t *object = json_object();
	char time[32];

	set_text(object, "name", overview->name);
	set_text(object, "version", BRUCO_VERSION);
	format_time(time, overview->wall_ms);
	set_text(object, "time", time);
	set_text(object, "state", overview->state);
	json_object_set_new(object, "ready", json_boolean(unready == NULL));
	if (unready != NULL)
		set_text(object, "why", unready);
	else
		json_object_set_new(object, "why", json_null());
	set_ms(object, "up_s", overview->up_ms);
	json_object_set_new(object, "rate_limit",
		overview->rate_limit == 0 ? json_null()
					  : json_real((double)overview->rate_limit / 3600));
	json_object_set_new(object, "totals", totals(overview));
	json_object_set_new(object, "times", times(overview));
	json_object_set_new(object, "stages", stages(overview));
	json_object_set_new(object, "lanes", lanes(overview));
	json_object_set_new(object, "partitions", partitions(overview));
	return object;
}
