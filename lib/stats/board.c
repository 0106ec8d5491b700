#include "stats/board.h"

#include <stddef.h>
#include <string.h>
#include <unistd.h>

/* A board is written in microseconds, unless its writer is put off in the middle. */
enum { COPY_TRIES = 8, COPY_WAIT_US = 250 };

void board_begin(struct board *board)
{
	atomic_fetch_add_explicit(&board->version, 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	board->partition_count = board->partitions = 0;
}

struct board_partition *board_add(struct board *board, const char *topic, int32_t id)
{
	struct board_partition *row;

	board->partitions++;
	if (board->partition_count == BOARD_PARTITIONS)
		return NULL;
	row = &board->rows[board->partition_count++];
	*row = (struct board_partition){.id = id,
		.committed = -1,
		.position = -1,
		.end = -1,
		.newest_ms = -1};
	strncpy(row->topic, topic, BOARD_TOPIC - 1);
	return row;
}

void board_end(struct board *board, int64_t now_ms)
{
	board->time_ms = now_ms;
	atomic_fetch_add_explicit(&board->version, 1, memory_order_release);
}

/* -1 is "not known", so that differences with a time or an offset never overflow. */
static void bound(int64_t *number)
{
	if (*number < -1)
		*number = -1;
}

static void bound_row(struct board_partition *row)
{
	row->topic[BOARD_TOPIC - 1] = '\0';
	bound(&row->committed);
	bound(&row->position);
	bound(&row->end);
	bound(&row->moved_ms);
	bound(&row->newest_ms);
}

static void copy_rows(struct board *copy, const struct board *board)
{
	memcpy(copy, board, offsetof(struct board, rows));
	if (copy->lane_count > BOARD_LANES)
		copy->lane_count = BOARD_LANES;
	if (copy->partition_count > BOARD_PARTITIONS)
		copy->partition_count = BOARD_PARTITIONS;
	memcpy(copy->rows, board->rows, copy->partition_count * sizeof *copy->rows);
	bound(&copy->time_ms);
	bound(&copy->broker_ms);
	for (uint32_t i = 0; i < copy->partition_count; i++)
		bound_row(&copy->rows[i]);
}

bool board_copy(struct board *copy, const struct board *board)
{
	for (int i = 0; i < COPY_TRIES; i++) {
		uint32_t before = atomic_load_explicit(&board->version, memory_order_acquire);

		if (before == 0)
			return false;
		if (before % 2 == 1) {
			usleep(COPY_WAIT_US);
			continue;
		}
		copy_rows(copy, board);
		atomic_thread_fence(memory_order_acquire);
		if (atomic_load_explicit(&board->version, memory_order_relaxed) == before)
			return true;
	}
	return false;
}
