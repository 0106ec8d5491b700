/*
 * Decides about failed records, by processor.onFailure: stop, skip, or the dead letter. They come in
 * two ways: as failed frames, whose handler or worker failed, and as outputs that the kind refuses,
 * before they are put or in a delivery report.
 */
#ifndef BRUCO_SINK_FAILURE_POLICY_H
#define BRUCO_SINK_FAILURE_POLICY_H

#include "bruco-sink/sink.h"

/* Why an output is not delivered that could be; the log has no line for each such one. */
extern const char another_refused[];

/* A failed frame (why NULL), or an output that is refused. Returns PUT_SKIPPED (skip), what the dead
 * letter's kind said (deadLetter), or PUT_FULL after sink_fail (stop, or the letter can't be
 * delivered). */
enum put_result failure_put(struct sink *sink, unsigned lane, const struct frame_record *record,
	const char *why, uint64_t ticket);

/* The broker refuses this record for good (why: static storage), whose ticket is under way and is
 * taken over: processor.onFailure says what becomes of it. With FRAME_ROUTED it was to go to
 * another topic than the sink's; where its input came from is known here. */
void failure_refused(
	struct sink *sink, uint64_t ticket, const struct frame_record *record, const char *why);

/* Tries again what the dead letter had no room for. */
void failure_work(struct sink *sink);

#endif
