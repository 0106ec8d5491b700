/*
 * The kinds of source. Each is one file of kinds/ with one table of functions, which stands in the table of
 * kinds.c; its keys are in lib/config/kinds.
 */
#ifndef BRUCO_SOURCE_KINDS_H
#define BRUCO_SOURCE_KINDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "config/config.h"
#include "frame/frame.h"
#include "stats/board.h"

struct source;

/* A kind of source. `state` is the kind's own. */
struct source_kind {
	const char *name;
	/* Connects or opens; ends the program when that can't succeed. */
	void *(*open)(struct source *source);
	/* The descriptor that becomes readable when work() has something to do, or -1. */
	int (*descriptor)(void *state);
	/* Milliseconds until work() must be called again, whatever the descriptor says; 0: at once,
	 * -1: never. */
	int (*timeout)(void *state);
	/* Serves callbacks, takes records with lanes_dispatch while source_taking() says so. */
	void (*work)(void *state);
	/* Whether all that is done is committed; starts what is needed for that. While draining, work()
	 * has let go of what needs not be run before. */
	bool (*settled)(void *state);
	/* source_is_paused gives other answers now; NULL when work() asks it each time. */
	void (*pause)(void *state);
	/* The lanes are others now, and empty: partitions and what waits for a lane are to have new ones. NULL
	 * when there is nothing of the kind. */
	void (*spread)(void *state);
	/* Adds what is assigned to the board; NULL when there is nothing to show. */
	void (*show)(void *state, struct board *board);
	/* What the record of this offset came to, before it is done: an output, or FRAME_TYPE_FAILED. Key and
	 * topic are left out. NULL when nobody waits for answers. */
	void (*answer)(void *state, int64_t offset, const struct frame_record *record);
	/* Exactly once: appends what the sink is to commit with all that it has acknowledged. False: it must
	 * commit nothing. committed() follows when it has. NULL: the kind is part of no transactions. */
	bool (*cut)(void *state, struct buf *offsets);
	void (*committed)(void *state);
	/* Leaves (a consumer group...). Bounded in time. May be NULL. */
	void (*close)(void *state);
	/* Prints what there is to be read (-L); returns the exit status. May be NULL. */
	int (*list)(struct config *config, bool as_json);
	/* Appends what is wrong with the section's properties, as config_property_answers reads
	 * it, without connecting to anything. May be NULL. */
	void (*check)(const struct config *config, struct buf *answers);
};

/* The table of kinds; NULL when there is none of that name. */
const struct source_kind *source_kind_named(const char *name);

extern const struct source_kind kind_kafka;
extern const struct source_kind kind_lines;
extern const struct source_kind kind_json;
extern const struct source_kind kind_frames;
extern const struct source_kind kind_http;
extern const struct source_kind kind_nats;
extern const struct source_kind kind_file;
extern const struct source_kind kind_exec;

/* Their names, for messages: "kafka, lines, json". */
extern const char source_kind_names[];

#endif
