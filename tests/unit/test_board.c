#include "stats/board.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stats/page.h"
#include "unit.h"

static struct board *new_board(void)
{
	return calloc(1, sizeof(struct board));
}

static void write_rows(struct board *board, int count)
{
	board_begin(board);
	for (int i = 0; i < count; i++) {
		struct board_partition *row = board_add(board, "orders", i);

		if (row != NULL)
			row->end = 100 + i;
	}
	board_end(board, 7);
}

TEST(a_copy_has_the_rows_that_count)
{
	struct board *board = new_board(), *copy = new_board();

	write_rows(board, 3);
	write_rows(board, 2);
	CHECK(board_copy(copy, board));
	CHECK_INT(copy->partition_count, 2);
	CHECK_INT(copy->partitions, 2);
	CHECK_INT(copy->time_ms, 7);
	CHECK_TEXT(copy->rows[1].topic, "orders");
	CHECK_INT(copy->rows[1].id, 1);
	CHECK_INT(copy->rows[1].end, 101);
}

TEST(a_row_begins_empty)
{
	struct board *board = new_board();

	write_rows(board, 1);
	board_begin(board);
	CHECK_INT(board_add(board, "orders", 0)->end, -1);
}

TEST(what_was_never_written_or_is_being_written_is_not_copied)
{
	struct board *board = new_board(), *copy = new_board();

	CHECK(!board_copy(copy, board));
	board_begin(board);
	CHECK(!board_copy(copy, board));
	board_end(board, 1);
	CHECK(board_copy(copy, board));
}

TEST(of_too_many_partitions_the_first_are_shown_and_all_counted)
{
	struct board *board = new_board(), *copy = new_board();

	write_rows(board, BOARD_PARTITIONS + 10);
	CHECK(board_copy(copy, board));
	CHECK_INT(copy->partition_count, BOARD_PARTITIONS);
	CHECK_INT(copy->partitions, BOARD_PARTITIONS + 10);
}

TEST(a_topic_that_is_too_long_is_cut)
{
	struct board *board = new_board(), *copy = new_board();
	char topic[BOARD_TOPIC + 50];

	memset(topic, 't', sizeof topic);
	topic[sizeof topic - 1] = '\0';
	board_begin(board);
	board_add(board, topic, 0);
	board_end(board, 1);
	CHECK(board_copy(copy, board));
	CHECK_INT(strlen(copy->rows[0].topic), BOARD_TOPIC - 1);
}

/* The source is not believed. */
TEST(counts_and_topics_that_cannot_be_are_mended)
{
	struct board *board = new_board(), *copy = new_board();

	write_rows(board, 1);
	board->lane_count = UINT32_MAX;
	board->partition_count = UINT32_MAX;
	memset(board->rows[0].topic, 'x', BOARD_TOPIC);
	CHECK(board_copy(copy, board));
	CHECK_INT(copy->lane_count, BOARD_LANES);
	CHECK_INT(copy->partition_count, BOARD_PARTITIONS);
	CHECK_INT(strlen(copy->rows[0].topic), BOARD_TOPIC - 1);
}

TEST(times_and_offsets_that_cannot_be_are_unknown)
{
	struct board *board = new_board(), *copy = new_board();

	write_rows(board, 1);
	board->broker_ms = board->rows[0].moved_ms = board->rows[0].newest_ms = INT64_MIN;
	board->rows[0].committed = board->rows[0].position = board->rows[0].end = -2;
	CHECK(board_copy(copy, board));
	CHECK_INT(copy->broker_ms, -1);
	CHECK_INT(copy->rows[0].moved_ms, -1);
	CHECK_INT(copy->rows[0].newest_ms, -1);
	CHECK_INT(copy->rows[0].committed, -1);
	CHECK_INT(copy->rows[0].position, -1);
	CHECK_INT(copy->rows[0].end, -1);
}

TEST(a_page_has_a_board_when_it_was_made_with_one)
{
	int with = page_create(true), without = page_create(false);
	struct board *mine, *theirs, *copy = new_board();

	CHECK(with >= 0 && without >= 0);
	CHECK(board_try_map(without) == NULL);
	mine = board_try_map(with);
	theirs = board_try_map(with);
	CHECK(mine != NULL && theirs != NULL);
	write_rows(mine, 4);
	CHECK(board_copy(copy, theirs));
	CHECK_INT(copy->partition_count, 4);
	page_count(page_map(with), COUNT_RECORDS_IN, 5); /* does not touch it */
	CHECK(board_copy(copy, theirs));
}

/* Else a stage could take the memory away that the driver reads. */
TEST(a_page_keeps_its_size)
{
	int fd = page_create(true);

	CHECK(ftruncate(fd, 0) < 0);
	CHECK(ftruncate(fd, 1 << 30) < 0);
}

UNIT_MAIN
