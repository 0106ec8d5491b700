/*
 * What becomes of records that failed, by processor.onFailure: stop, skip, or the dead letter.
 * They come in two ways: as failed frames, whose handler (or worker) failed, and as outputs that
 * the kind refuses, before they are put or in a delivery report.
 */
#ifndef BRUCO_SINK_FAILURE_H
#define BRUCO_SINK_FAILURE_H

#include "stage.h"

extern const char too_large[], name_with_nul[]; /* reasons */

/* Remembers how the worker of a lane died, to name it when the event that ran comes as failed. */
void failure_death(struct lane *lane, const struct message *message);

/* A failed frame (why NULL), or an output that is refused. PUT_SKIPPED, what the dead letter's kind
 * said, or PUT_FULL after stage_fail. */
enum put_result failure_put(struct stage *stage, unsigned lane, const struct frame_record *record,
	const char *why, uint64_t ticket);

/* Tries again what the dead letter had no room for. */
void failure_work(struct stage *stage);

#endif
