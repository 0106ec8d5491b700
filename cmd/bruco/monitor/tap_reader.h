/*
 * The reader's end of a tap (tap/taps.h): finds the frames in the pipe and counts.
 */
#ifndef BRUCO_MONITOR_TAP_READER_H
#define BRUCO_MONITOR_TAP_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "frame/frame.h"
#include "tap/page.h"

enum tap_news {
	TAP_RECORD,
	TAP_PLACED,  /* the tap is in place; once, before the first record */
	TAP_REFUSED, /* the stage has as many taps as it takes */
	TAP_NOTHING, /* nothing more is there now */
	TAP_ENDED    /* the stage has ended */
};

struct tap_reader {
	int fd; /* -1: closed */
	struct tap_page *page;
	struct buf in;
	size_t taken;      /* bytes of `in` */
	uint8_t *frame;    /* of the last record, for TAP_RECORD */
	uint64_t received; /* records */
	uint64_t last;     /* the number of the last one among those that matched */
};

/* Takes both descriptors over. False with errno: the page can't be used, and nothing is open. */
bool tap_reader_open(struct tap_reader *reader, int pipe_fd, int page_fd);
void tap_reader_close(struct tap_reader *reader); /* `in` is kept for the next one */

/* The next that is there, without a wait; *record is valid until the next call. Ends the program with 70
 * when what comes is no tap's. */
enum tap_news tap_reader_next(struct tap_reader *reader, struct frame_record *record);

/* How many records have matched so far. */
uint64_t tap_reader_matched(const struct tap_reader *reader);

/* Whether each of the first `matched` has come or is left out. */
bool tap_reader_settled(const struct tap_reader *reader, uint64_t matched);

/* How many records were left out in all, and before the last one that has come. */
uint64_t tap_reader_left_out(const struct tap_reader *reader);
uint64_t tap_reader_skipped(const struct tap_reader *reader);

#endif
