/*
 * The kinds of sink. Each is one file of kinds/ with one table of functions, which stands in the table of
 * kinds.c; its keys are in lib/config/kinds.
 */
#ifndef BRUCO_SINK_KINDS_H
#define BRUCO_SINK_KINDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "config/config.h"
#include "frame/frame.h"

struct destination;

enum put_result {
	PUT_DELIVERED, /* done, once flush() has returned */
	PUT_UNDER_WAY, /* ticket_delivered will be called with its ticket */
	PUT_FULL,      /* nothing was done: flush, serve deliveries, try again */
	PUT_REFUSED,   /* nothing was done, and never will be: destination->why */
	PUT_TRANSACTED, /* done, with the transaction that it is part of (commit()) */
	PUT_SKIPPED    /* not from a kind: processor.onFailure says so */
};

/* A kind of sink. `state` is the kind's own. All but name, open and put may be NULL. */
struct sink_kind {
	const char *name;
	/* Connects or opens with destination->config; ends the program when that can't succeed. Calls
	 * destination_ready, now or from work(). */
	void *(*open)(struct destination *destination);
	/* The descriptor that becomes readable when work() has something to do, or -1. */
	int (*descriptor)(void *state);
	/* Milliseconds until work() must be called again; -1: never. */
	int (*timeout)(void *state);
	/* Serves deliveries. */
	void (*work)(void *state);
	/* NULL, or why this record can never be delivered (static storage). Asked for all outputs
	 * of an input before the first is put. */
	const char *(*refuse)(void *state, const struct frame_record *record);
	enum put_result (*put)(void *state, const struct frame_record *record, uint64_t ticket);
	/* Writes out what is PUT_DELIVERED. */
	void (*flush)(void *state);
	/* Passes on an end-of-stream frame. */
	void (*end)(void *state);
	/* Exactly once: commits all that was PUT_TRANSACTED, and what the source has said with it, which is read
	 * before this returns. Then calls cut_committed, or cut_failed after sink_fail. NULL: the kind has no
	 * transactions. */
	void (*commit)(void *state, const void *offsets, size_t length);
	/* Aborts them, before the sink ends; takes a few seconds at most. */
	void (*abort)(void *state);
	/* Nothing more will be put, and all that can be is delivered: ends what is open. False: that is not done
	 * yet; asked again each time when work() was called. */
	bool (*close)(void *state);
	/* Appends what is wrong with the section's properties, as config_property_answers reads
	 * it, without connecting to anything. */
	void (*check)(const struct config *config, const char *section,
		const struct sink_config *sink, struct buf *answers);
	bool passes_failed; /* by hand: a failed frame is put as it came */
};

/* The table of kinds; NULL when there is none of that name. */
const struct sink_kind *sink_kind_named(const char *name);

extern const struct sink_kind kind_kafka;
extern const struct sink_kind kind_lines;
extern const struct sink_kind kind_json;
extern const struct sink_kind kind_frames;
extern const struct sink_kind kind_discard;
extern const struct sink_kind kind_reply;
extern const struct sink_kind kind_file;
extern const struct sink_kind kind_exec;
extern const struct sink_kind kind_nats;

/* Their names, for messages: "kafka, lines, json". */
extern const char sink_kind_names[];

#endif
