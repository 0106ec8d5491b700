/*
 * What becomes of records that failed, by processor.onFailure: stop, skip, or the dead letter.
 * They come in two ways: as failed frames, whose handler (or worker) failed, and as outputs that
 * the kind refuses, before they are put or in a delivery report.
 */
#ifndef BRUCO_SINK_FAILURE_POLICY_H
#define BRUCO_SINK_FAILURE_POLICY_H

#include "bruco-sink/sink.h"

/* Reasons that a dead letter can be mended for. */
extern const char too_large[], name_with_nul[], bad_timestamp[], invalid_record[];

/* Remembers how the worker of a lane died, to name it when the event that ran comes as failed. */
void failure_death(struct receive_lane *lane, const struct message *message);

/* A failed frame (why NULL), or an output that is refused. PUT_SKIPPED, what the dead letter's kind
 * said, or PUT_FULL after sink_fail. */
enum put_result failure_put(struct sink *sink, unsigned lane, const struct frame_record *record,
	const char *why, uint64_t ticket);

/* A dead letter is refused for this reason: makes another one of it that may not be, with what it
 * lost in its headers: without its value, or else its headers, or else its key; without the headers
 * that have such names; with the present time; with a key. It is valid until the next call. False when nothing is left to try.
 */
bool failure_mend(
	struct sink *sink, uint64_t ticket, struct frame_record *letter, const char *why);

/* Tries again what the dead letter had no room for. */
void failure_work(struct sink *sink);

#endif
