#include "bruco/monitor/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/printable.h"
#include "base/version.h"

/* Counters and gauges that are one number. */
static const struct single {
	const char *name, *help;
	enum overview_role role;
	enum counter counter;
	bool is_gauge;
} singles[] = {
	{"bruco_records_in_total", "Records taken from the source.", OVERVIEW_SOURCE,
		COUNT_RECORDS_IN, false},
	{"bruco_bytes_in_total", "Bytes of the records taken, as frames.", OVERVIEW_SOURCE,
		COUNT_BYTES_IN, false},
	{"bruco_records_done_total",
		"Records that are done: their outputs are delivered, or there are none.",
		OVERVIEW_SOURCE, COUNT_RECORDS_OUT, false},
	{"bruco_records_out_total", "Outputs delivered, dead letters among them.", OVERVIEW_SINK,
		COUNT_RECORDS_OUT, false},
	{"bruco_bytes_out_total", "Bytes of the outputs delivered.", OVERVIEW_SINK, COUNT_BYTES_OUT,
		false},
	{"bruco_records_filtered_total", "Records that the handler gave no output for.",
		OVERVIEW_SINK, COUNT_FILTERED, false},
	{"bruco_records_skipped_total", "Failed records that were skipped.", OVERVIEW_SINK,
		COUNT_SKIPPED, false},
	{"bruco_dead_letters_total", "Failed records that were sent to the dead letter topic.",
		OVERVIEW_SINK, COUNT_LETTERS, false},
	{"bruco_retries_total", "Calls of the handler that were not a record's first.",
		OVERVIEW_WORKER, COUNT_RETRIED, false},
	{"bruco_records_resent_total", "Records given to a new worker after the death of the old.",
		OVERVIEW_SOURCE, COUNT_RESENT, false},
	{"bruco_commits_total", "Offset commits that the broker took.", OVERVIEW_SOURCE,
		COUNT_COMMITS, false},
	{"bruco_transactions_total", "With exactlyOnce, transactions that were committed.", OVERVIEW_SINK,
		COUNT_TRANSACTIONS, false},
	{"bruco_transactions_aborted_total", "With exactlyOnce, transactions that were aborted.", OVERVIEW_SINK,
		COUNT_ABORTED, false},
	{"bruco_rebalances_total", "Changes of the partitions assigned.", OVERVIEW_SOURCE,
		COUNT_REBALANCES, false},
	{"bruco_records_in_flight", "Records taken and not done yet.", OVERVIEW_SOURCE,
		COUNT_IN_FLIGHT, true},
	{"bruco_outputs_in_flight", "Outputs handed to the producer and not delivered yet.",
		OVERVIEW_SINK, COUNT_UNDER_WAY, true},
};

static void family(struct buf *text, const char *name, const char *type, const char *help)
{
	buf_printf(text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* A label's value, as the format wants it: UTF-8, in which three characters are escaped. */
static void write_label(struct buf *text, const char *value)
{
	struct buf label = {0};

	printable_append(PRINTABLE_LINES, &label, value, strlen(value));
	for (size_t i = 0; i < label.length; i++)
		switch (label.data[i]) {
		case '\\':
			buf_text(text, "\\\\");
			break;
		case '"':
			buf_text(text, "\\\"");
			break;
		case '\n':
			buf_text(text, "\\n");
			break;
		default:
			buf_byte(text, label.data[i]);
		}
	buf_release(&label);
}

static void write_singles(struct buf *text, const struct tally *tally)
{
	for (size_t i = 0; i < sizeof singles / sizeof singles[0]; i++) {
		const struct single *single = &singles[i];

		family(text, single->name, single->is_gauge ? "gauge" : "counter", single->help);
		buf_printf(text, "%s %" PRIu64 "\n", single->name,
			tally->counters[single->role][single->counter]);
	}
}

static void write_failures(struct buf *text, const struct tally *tally)
{
	static const char name[] = "bruco_records_failed_total";

	family(text, name, "counter", "Records whose last attempt failed, by reason.");
	for (int reason = 0; reason < FAILURE_REASONS; reason++)
		buf_printf(text, "%s{reason=\"%s\"} %" PRIu64 "\n", name,
			failure_reason_names[reason],
			tally_failed(tally, (enum failure_reason)reason));
}

static void write_restarts(struct buf *text, const struct tally *tally)
{
	static const char name[] = "bruco_restarts_total";

	family(text, name, "counter", "Processes that were started again, by role and cause.");
	for (int role = 0; role < OVERVIEW_ROLES; role++)
		for (int cause = 0; cause < RESTART_CAUSES; cause++)
			buf_printf(text, "%s{role=\"%s\",cause=\"%s\"} %" PRIu64 "\n", name,
				overview_role_names[role], restart_cause_names[cause],
				tally->restarts[role][cause]);
}

static void write_histogram(
	struct buf *text, const char *name, const char *help, const struct histogram_sum *sum)
{
	uint64_t below = 0;

	family(text, name, "histogram", help);
	for (int i = 0; i < HISTOGRAM_BOUNDS; i++) {
		below += sum->classes[i];
		buf_printf(text, "%s_bucket{le=\"%g\"} %" PRIu64 "\n", name,
			histogram_bounds_us[i] / 1e6, below);
	}
	below += sum->classes[HISTOGRAM_BOUNDS];
	buf_printf(text, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", name, below);
	buf_printf(text, "%s_sum %.6f\n%s_count %" PRIu64 "\n", name, (double)sum->sum_us / 1e6,
		name, below);
}

/* ---- the pipeline */

static void write_value(struct buf *text, const char *name, const char *help, double value)
{
	family(text, name, "gauge", help);
	buf_printf(text, "%s %.3f\n", name, value);
}

static void write_pipeline(struct buf *text, const struct overview *overview, bool ready)
{
	int64_t lag = overview_lag_sum(overview);

	family(text, "bruco_info", "gauge", "The pipeline's name and Bruco's version.");
	buf_text(text, "bruco_info{name=\"");
	write_label(text, overview->name);
	buf_text(text, "\",version=\"" BRUCO_VERSION "\"} 1\n");
	family(text, "bruco_ready", "gauge", "1 while /readyz says 200.");
	buf_printf(text, "bruco_ready %d\n", ready);
	write_value(text, "bruco_start_time_seconds", "When the driver began, since 1970.",
		(double)(overview->wall_ms - overview->up_ms) / 1000);
	write_value(text, "bruco_oldest_record_age_seconds",
		"Time since the oldest record that is not done was given to its worker.",
		(double)overview_oldest_ms(overview) / 1000);
	if (lag >= 0) {
		family(text, "bruco_lag_records", "gauge",
			"Records between what is committed and the ends of the partitions.");
		buf_printf(text, "bruco_lag_records %" PRId64 "\n", lag);
	}
}

/* ---- stages and workers */

typedef double stage_value(const struct overview_stage *stage);

static double stage_is_ready(const struct overview_stage *stage)
{
	return stage->ready;
}

static double stage_cpu(const struct overview_stage *stage)
{
	return (double)stage->cpu_ms / 1000;
}

static double stage_memory(const struct overview_stage *stage)
{
	return (double)stage->memory;
}

static void write_stages(struct buf *text, const struct overview *overview)
{
	static const struct {
		const char *name, *type, *help;
		stage_value *value;
	} families[] = {
		{"bruco_stage_ready", "gauge", "1 while the process runs and is ready.",
			stage_is_ready},
		{"bruco_stage_cpu_seconds_total", "counter",
			"User and system time of the process that runs.", stage_cpu},
		{"bruco_stage_memory_bytes", "gauge", "Resident memory of the process that runs.",
			stage_memory},
	};

	for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
		family(text, families[i].name, families[i].type, families[i].help);
		for (uint32_t j = 0; j < overview->workers + 2; j++)
			buf_printf(text, "%s{stage=\"%s\"} %.15g\n", families[i].name,
				overview->stages[j].name,
				families[i].value(&overview->stages[j]));
	}
}

static void write_workers(struct buf *text, const struct overview *overview)
{
	const struct board *board = overview->board;

	family(text, "bruco_worker_event_seconds", "gauge",
		"How long the event that the worker runs has taken; 0 when it runs none.");
	for (uint32_t i = 0; i < overview->workers; i++)
		buf_printf(text, "bruco_worker_event_seconds{worker=\"%" PRIu32 "\"} %.3f\n", i,
			(double)overview->runs[i].for_ms / 1000);
	if (board == NULL)
		return;
	family(text, "bruco_worker_records", "gauge",
		"Records that were given to the worker and that it is not done with.");
	for (uint32_t i = 0; i < overview->workers && i < board->lane_count; i++)
		buf_printf(text, "bruco_worker_records{worker=\"%" PRIu32 "\"} %" PRIu64 "\n", i,
			board->lanes[i].in_hands);
}

/* ---- partitions */

/* False: it is not known. */
typedef bool partition_value(
	const struct overview *overview, const struct board_partition *row, double *value);

static bool known(int64_t number, double unit, double *value)
{
	*value = (double)number / unit;
	return number >= 0;
}

static bool lag_records(
	const struct overview *overview, const struct board_partition *row, double *value)
{
	(void)overview;
	return known(overview_lag(row), 1, value);
}

static bool lag_seconds(
	const struct overview *overview, const struct board_partition *row, double *value)
{
	return known(overview_lag_ms(overview, row), 1000, value);
}

static bool committed_offset(
	const struct overview *overview, const struct board_partition *row, double *value)
{
	(void)overview;
	return known(row->committed, 1, value);
}

static bool end_offset(
	const struct overview *overview, const struct board_partition *row, double *value)
{
	(void)overview;
	return known(row->end, 1, value);
}

static bool is_paused(
	const struct overview *overview, const struct board_partition *row, double *value)
{
	(void)overview;
	*value = (row->flags & BOARD_PAUSED) != 0;
	return true;
}

static void write_partitions(struct buf *text, const struct overview *overview)
{
	static const struct {
		const char *name, *help;
		partition_value *value;
	} families[] = {
		{"bruco_partition_lag_records",
			"Records between what is committed and the partition's end.", lag_records},
		{"bruco_partition_lag_seconds",
			"Age of the newest record taken, 0 when there is no lag.", lag_seconds},
		{"bruco_partition_committed_offset", "Offset that is committed.", committed_offset},
		{"bruco_partition_end_offset", "Offset of the partition's end.", end_offset},
		{"bruco_partition_paused", "1 while bruco pause holds it.", is_paused},
	};
	const struct board *board = overview->board;
	double value;

	for (size_t i = 0; board != NULL && i < sizeof families / sizeof families[0]; i++) {
		family(text, families[i].name, "gauge", families[i].help);
		for (uint32_t j = 0; j < board->partition_count; j++) {
			const struct board_partition *row = &board->rows[j];

			if (!families[i].value(overview, row, &value))
				continue;
			buf_printf(text, "%s{topic=\"", families[i].name);
			write_label(text, row->topic);
			buf_printf(text, "\",partition=\"%" PRId32 "\"} %.15g\n", row->id, value);
		}
	}
}

void metrics_write(struct buf *text, const struct overview *overview, const char *unready)
{
	write_pipeline(text, overview, unready == NULL);
	write_singles(text, &overview->tally);
	write_failures(text, &overview->tally);
	write_restarts(text, &overview->tally);
	write_histogram(text, "bruco_handler_seconds",
		"Time of a call of the handler, measured of one call in sixteen.",
		&overview->tally.times[OVERVIEW_WORKER]);
	write_histogram(text, "bruco_record_seconds",
		"Time from giving a record to its worker until it is done, of a sample.",
		&overview->tally.times[OVERVIEW_SOURCE]);
	write_histogram(text, "bruco_transaction_commit_seconds",
		"With exactlyOnce, time of a commit, while which nothing is taken from workers.",
		&overview->tally.times[OVERVIEW_SINK]);
	write_stages(text, overview);
	write_workers(text, overview);
	write_partitions(text, overview);
}
