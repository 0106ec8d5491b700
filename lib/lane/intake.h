/*
 * The receive side of a lane: reads a pipe, finds frames, and hands out an input's outputs only
 * when it has them all. With `strict`, sequence numbers must be exactly the next ones.
 *
 * Knows the frames of a worker's output; never produces, acknowledges or logs.
 */
#ifndef LANE_INTAKE_H
#define LANE_INTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "frame/frame.h"
#include "frame/limits.h"

struct intake {
	struct buf buf;
	size_t taken;      /* bytes of buf that were handed out */
	size_t scanned;    /* bytes of buf behind `taken` that belong to the incomplete input */
	uint64_t last;     /* r: the last input that was read whole */
	uint64_t open;     /* sequence number of the incomplete input's newest frame, 0: none */
	uint64_t position; /* bytes read in all, for messages */
	uint32_t cap;      /* largest frame */
	size_t most;       /* bytes of an input's, or a batch's, outputs */
	uint64_t given;    /* the newest input that the worker was given; what answers another is bad */
	bool strict;
	const char *why; /* after INTAKE_BAD: a constant text */
};

/* One input with all its outputs: frames[0..length), valid until the next intake call. */
struct input {
	const uint8_t *frames;
	size_t length;
	uint64_t first, last; /* sequence numbers; more than one for a batch */
	uint32_t outputs;     /* record and failed frames in it */
	bool end;             /* not an input but an end-of-stream frame */
};

enum intake_result { INTAKE_INPUT, INTAKE_MORE, INTAKE_BAD };

void intake_init(struct intake *intake, uint32_t size_max, bool strict); /* maxRecordSize */

/* One read(2) of up to 256 KiB (or what an open frame still needs, if more). Bytes, 0 at end of
 * file, -1 with errno. */
ssize_t intake_read(struct intake *intake, int fd);

enum intake_result intake_next(struct intake *intake, struct input *input);

/* Drops what the dead worker left incomplete, for the next life's pipe. */
void intake_cut(struct intake *intake);

/* Whether the bytes so far end in the middle of a frame or of an input. */
bool intake_torn(const struct intake *intake);

#endif
