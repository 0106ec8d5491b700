/*
 * For tests of what the sink makes of failures: the real lane, and kinds that note what they are
 * given.
 */
#ifndef FAILING_SINK_H
#define FAILING_SINK_H

#include "unit.h"

#include "bruco-sink/dead_letter.h"
#include "bruco-sink/deaths.h"
#include "bruco-sink/failure_policy.h"
#include "bruco-sink/lane.h"
#include "bruco-sink/tickets.h"

extern struct config config;
extern struct sink sink;
extern struct buf frames;       /* for the lane, see add_frame */
extern struct buf notes;        /* "out:VALUE " or "letter:VALUE(ERROR) ", in order */
extern struct buf last_headers; /* "NAME=VALUE " in order, of the last letter */
extern bool letters_full;       /* the kind of the dead letters takes none */
extern uint64_t tickets[16];    /* of what the kinds took, in order */

/* Takes outputs but ">", which is too large, and "!", which is no good; `passing` takes failed
 * frames. */
extern const struct sink_kind passing;

/* Adds a frame, whose header bruco-error is `error` unless that is NULL. */
void add_frame(uint8_t type, uint16_t flags, uint64_t seq, const char *value, const char *error);

/* Gives the lane what was added. Returns the notes. */
const char *run_lane(enum on_failure choice);

/* Up to which event the lane has acknowledged. */
uint64_t acked(void);

#endif
