/* The shared pages of source and workers, which user code may write: what the driver makes of any bytes is
 * within its bounds, and `bruco status --json` and the metrics stay valid. */
/* longest input: 1024 */
#include "fuzz.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/printable.h"
#include "bruco/driver/watchdog.h"
#include "bruco/monitor/metrics.h"
#include "bruco/monitor/overview.h"
#include "bruco/monitor/overview_json.h"
#include "bruco/monitor/summary.h"

static struct board board, copy;
static struct page page;

/* Puts the input over and over into a piece of memory of `size` bytes, of which most would be zero. */
static void fill(void *to, size_t size, struct fuzz_input *input, size_t part)
{
	uint8_t *bytes = to;
	size_t most = input->length < part ? input->length : part;

	memset(to, 0, size);
	for (size_t i = 0; i < size && most > 0; i++)
		bytes[i] = input->data[i % most];
	input->data += most;
	input->length -= most;
}

static void check_copy(void)
{
	HOLDS(copy.lane_count <= BOARD_LANES && copy.partition_count <= BOARD_PARTITIONS);
	for (uint32_t i = 0; i < copy.partition_count; i++)
		HOLDS(memchr(copy.rows[i].topic, '\0', BOARD_TOPIC) != NULL);
}

static void check_topics(const json_t *object)
{
	const json_t *list = json_object_get(object, "partitions"), *row;
	size_t i;

	HOLDS(json_array_size(list) == copy.partition_count);
	json_array_foreach(list, i, row)
		HOLDS(json_is_string(json_object_get(row, "topic")));
}

static void write_json(const struct overview *overview, const char *unready)
{
	json_t *object = overview_json(overview, unready);
	char *line = json_dumps(object, JSON_COMPACT);

	HOLDS(line != NULL);
	check_topics(object);
	json_decref(object);
	free(line);
}

static void write_overview(const struct overview *overview, int form)
{
	const char *unready = overview_unready(overview, 60000);
	struct buf text = {0}, fields = {0};

	if (form == 0) {
		write_json(overview, unready);
	} else if (form == 1) {
		metrics_write(&text, overview, unready);
		HOLDS(printable_run(PRINTABLE_LINES, text.data, text.length) == text.length);
	} else {
		summary_write(overview, &text, &fields);
	}
	buf_release(&text);
	buf_release(&fields);
}

FUZZ(data, length)
{
	static struct overview_stage stages[] = {{.name = "bruco-source", .role = OVERVIEW_SOURCE},
		{.name = "bruco-sink", .role = OVERVIEW_SINK},
		{.name = "bruco-worker-0", .role = OVERVIEW_WORKER, .ready = true}};
	static struct overview_run run;
	static struct overview overview;
	struct fuzz_input input = {data, length};
	uint8_t rows = fuzz_byte(&input), choice = fuzz_byte(&input);
	struct watch_claim claim;
	struct watch watch;

	fill(&page, sizeof page, &input, 64);
	fill(&board, offsetof(struct board, lanes[4]), &input, 128);
	fill(board.rows, 8 * sizeof board.rows[0], &input, 512);
	atomic_store(&board.version, 2);
	board.partition_count = (choice & 0xf0) == 0xf0 ? board.partition_count : rows % 9;
	board.lane_count = (choice & 4) != 0 ? board.lane_count : rows % 5; /* of lanes that are not zero */
	HOLDS(board_copy(&copy, &board));
	check_copy();
	if (copy.partition_count > 8)
		copy.partition_count = 8; /* rows of nothing take time only */
	claim = watch_read(&page);
	watch_begin(&watch, 1000);
	watch_look(&watch, &claim, rows & 1 ? 1000 : 0, 5000);
	HOLDS(watch.due_ms > 5000);
	run = (struct overview_run){.state = claim.state, .attempt = claim.attempt, .seq = claim.seq};
	overview = (struct overview){.name = "a",
		.state = "running",
		.stages = stages,
		.runs = &run,
		.workers = 1,
		.board = &copy,
		.now_ms = 1000000,
		.wall_ms = 1767225600000};
	for (int role = 0; role < OVERVIEW_ROLES; role++)
		tally_add(&overview.tally, (enum overview_role)role, &page, (choice & 8) != 0);
	write_overview(&overview, choice % 3);
	return 0;
}
