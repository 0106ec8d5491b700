/*
 * The source's board: its lanes and partitions as they are now, in memory that the driver made and
 * reads. The source writes all of it anew, about twice a second, between board_begin and board_end.
 * The driver takes a copy and believes no number in it.
 *
 * The memory is sparse: rows that were never written cost nothing.
 */
#ifndef STATS_BOARD_H
#define STATS_BOARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	BOARD_LANES = 256,
	BOARD_PARTITIONS = 8192, /* of more, the first are shown */
	BOARD_TOPIC = 250        /* bytes, with the NUL behind it */
};

struct board_lane {
	uint32_t state;    /* enum lane_state of the source */
	uint32_t reserved;
	uint64_t in_hands; /* records that are dispatched and not out of the worker's hands */
	uint64_t limit;    /* of them; UINT64_MAX: bytes alone limit the lane */
	uint64_t window;   /* bytes that are not acknowledged */
	uint64_t window_limit;
	uint64_t done;     /* records that ever went out of the worker's hands */
	uint64_t rate;     /* of them, in the last second of the worker's work */
	int64_t oldest_ms; /* clock_ms when the oldest record that is not acknowledged was dispatched; 0: none
			    */
};

enum {
	BOARD_PAUSED = 1,  /* the user has paused it */
	BOARD_FULL = 2,    /* its lane has work for long enough: nothing is taken of it */
	BOARD_AT_END = 4   /* all that it has was taken */
};

struct board_partition {
	char topic[BOARD_TOPIC];
	uint16_t flags; /* BOARD_* */
	int32_t id;
	uint32_t lane;      /* BOARD_LANES: any */
	int64_t committed;  /* -1: nothing yet in this assignment */
	int64_t position;   /* of the next record to take; -1: not known */
	int64_t end;        /* of the partition; -1: not known yet */
	int64_t moved_ms;   /* clock_ms when it last went on, or had nothing to do */
	int64_t newest_ms;  /* the timestamp of the newest record that was dispatched; -1: none */
	uint64_t in_flight; /* records taken and not done */
};

struct board {
	_Atomic uint32_t version; /* odd while it is being written */
	uint32_t lane_count;
	uint32_t partition_count; /* rows below */
	uint32_t partitions;      /* that are assigned: may be more than rows */
	int64_t time_ms;          /* clock_ms of the last writing */
	int64_t broker_ms;        /* clock_ms of the last answer of a broker; 0: nobody asks */
	uint32_t broker_failing;  /* the last question was not answered */
	uint32_t reserved[7];
	struct board_lane lanes[BOARD_LANES];
	struct board_partition rows[BOARD_PARTITIONS];
};

void board_begin(struct board *board);
/* The next row, zeroed, or NULL when there is none left. */
struct board_partition *board_add(struct board *board, const char *topic, int32_t id);
void board_end(struct board *board, int64_t now_ms);

/* A copy of a whole board, whose counts fit into its arrays and whose topics end with a NUL, and in which no
 * time or offset is below -1; only the rows that count are copied. Waits up to two milliseconds for one that
 * is being written. False: it still is, or was never written. */
bool board_copy(struct board *copy, const struct board *board);

#endif
