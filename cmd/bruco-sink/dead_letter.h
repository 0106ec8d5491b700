/*
 * The dead letter: the failed record as it is, with what is known of its failure in headers behind
 * its own; and what is left out of it when it is refused itself.
 */
#ifndef BRUCO_SINK_DEAD_LETTER_H
#define BRUCO_SINK_DEAD_LETTER_H

#include "bruco-sink/sink.h"

/* Reasons that a dead letter can be mended for. */
extern const char too_large[], name_with_nul[], bad_timestamp[], invalid_record[];

/* The error that the worker appended to a failed frame, or NULL. The caller frees it. */
char *dead_letter_error(const struct frame_record *record);

/* The dead letter of a record of this lane: the record with what is known of its failure behind its
 * own headers. All of them are in *headers, which is empty before. `has_error`: the worker has
 * appended it. The letter's head.length is 0 if it can't be a frame. */
void dead_letter_write(struct frame_record *letter, struct buf *headers, unsigned lane,
	const struct frame_record *record, const char *error, bool has_error);

/* Puts the dead letter of a record of this lane, mended as often as it is refused. `has_error`: the
 * worker has appended it. Returns what the dead letter's kind said, or PUT_FULL after sink_fail when
 * the letter can't be delivered. */
enum put_result dead_letter_put(struct sink *sink, unsigned lane, const struct frame_record *record,
	const char *error, bool has_error, uint64_t ticket);

/* A dead letter is refused for this reason: makes one of it that may be accepted, with what it lost
 * in its headers: without its value, or else its headers, or else its key; without the headers that
 * have such names; with the present time; with a key. It is valid until the next call. False when
 * nothing is left to try. */
bool dead_letter_mend(
	struct sink *sink, uint64_t ticket, struct frame_record *letter, const char *why);

#endif
