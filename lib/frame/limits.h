/*
 * How large a record and what belongs to it may be: the one table that all stages, `bruco check`,
 * the pages and bruco.encoding go by. Whatever one stage accepts, the stages behind it carry, the
 * Kafka client sends and receives, and the source reads again as a dead letter. What is beyond a
 * limit fails where it is first seen: an input in the source, an output in the worker.
 *
 * maxRecordSize ("size_max" here) counts a record as a frame, without its topic and the headers that
 * a failure adds to it: what was small enough once is small enough as a dead letter, too.
 */
#ifndef FRAME_LIMITS_H
#define FRAME_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frame/frame.h"

enum {
	/* maxRecordSize itself */
	LIMIT_SIZE_LEAST = 4 << 10,
	LIMIT_SIZE_DEFAULT = 16 << 20,
	LIMIT_SIZE_MOST = 256 << 20,

	/* workers, each with a lane */
	LIMIT_LANES = 256,

	/* headers of a record; Kafka's client does not read a record with more than 100,000 */
	LIMIT_HEADERS = 65536,

	/* what a failure adds to a record: so many headers, so many bytes with their framing */
	LIMIT_FAILURE_HEADERS = 10,
	LIMIT_FAILURE_BYTES = 32 << 10,
	LIMIT_FAILURE_TEXT = 8 << 10, /* the error; the traceback */

	/* bytes of all outputs of one input, as frames; or maxRecordSize, if that is more */
	LIMIT_OUTPUTS = 64 << 20,

	/* a batch: bytes of its inputs; of outputs under one end mark, the last event's aside */
	LIMIT_BATCH_INPUT = 16 << 20,
	LIMIT_BATCH_OUTPUT = 16 << 20,
	LIMIT_BATCH_EVENTS = 65536, /* under one end mark */

	/* a record as JSON takes up to six times its bytes ("\u0001") and a little more */
	LIMIT_JSON_FACTOR = 8
};

/* The frame of a record of size_max that has failed twice, with its topic: the headers of the first
 * time are taken away only when the second dead letter is made. */
enum { LIMIT_FRAME_MORE = 2 * LIMIT_FAILURE_BYTES };

static inline uint32_t limits_frame(uint32_t size_max)
{
	return size_max + LIMIT_FRAME_MORE;
}

/* The outputs of one input together, unless it is just one. */
static inline size_t limits_outputs(uint32_t size_max)
{
	return size_max > LIMIT_OUTPUTS ? size_max : LIMIT_OUTPUTS;
}

/* What the sink takes at once: one input's outputs, or what stands before one end mark, and it. */
static inline size_t limits_input(uint32_t size_max)
{
	return LIMIT_BATCH_OUTPUT + limits_outputs(size_max) + LIMIT_FRAME_MORE + FRAME_HEADER + 8;
}

/* A line that holds a record as JSON. */
static inline size_t limits_json(uint32_t size_max)
{
	return LIMIT_JSON_FACTOR * (size_t)size_max;
}

/* The headers that a failure adds: bruco-error, bruco-traceback, bruco-attempts, bruco-topic,
 * bruco-partition, bruco-offset, bruco-worker, and where a dead letter was refused itself
 * bruco-without, bruco-timestamp, bruco-key. */
bool limits_of_failure(const struct frame_header *header);

enum limit_fault { LIMIT_KEPT, LIMIT_TOO_LARGE, LIMIT_TOO_MANY_HEADERS };

/* Whether a record of so many bytes (64, key, headers, value) is within the limits. The topic does not
 * count: the dead letter's may have a longer name. The headers are walked only if the record would
 * not be without a look at them. */
enum limit_fault limits_check(
	size_t size, const uint8_t *headers, uint32_t header_count, uint32_t size_max);

#endif
