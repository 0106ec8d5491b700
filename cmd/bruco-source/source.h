/*
 * The source's loop, over the input (a kind), the lanes, the link to the sink and
 * the control socket of the driver. It takes records while it may, and ends when all that it took
 * is acknowledged and committed.
 */
#ifndef BRUCO_SOURCE_SOURCE_H
#define BRUCO_SOURCE_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/reminder.h"
#include "bruco-source/answers.h"
#include "bruco-source/kinds.h"
#include "bruco-source/lanes.h"
#include "config/config.h"
#include "control/pauses.h"
#include "lane/rate.h"
#include "stage/stage.h"

struct source {
	struct stage stage;
	struct config *config; /* POLICY changes it */
	const struct source_kind *kind;
	void *state;
	struct lanes lanes;
	int link;     /* to the sink, or -1 */
	int listener; /* by hand with --link: where the sink connects, or -1 */
	struct answers answers; /* for a kind that answers whom a record came from */
	const char *link_path;
	int64_t limit;    /* -n: records still to take, -1: no limit */
	bool stop_at_end; /* -e */
	bool with_keys;   /* -K */
	bool started;     /* the driver has said so, or there is none */
	bool draining;
	bool asked;       /* the drain is not the end of the input, but a stop or a failure */
	struct reminder reminder; /* of the lines that say what is under way then */
	int64_t deadline; /* of the drain, clock_ms; the driver has its own */
	int status;       /* with which to end after the drain */
	bool unread;      /* by hand: nobody reads standard output, and no link tells more */
	uint64_t spread_asked; /* the driver's request for other lanes, not answered yet; 0: none */
	struct pauses pauses; /* what the user has paused */
	struct rate rate;
	bool starved;     /* in this turn a record had to wait for the rate */
	bool sink_ended;  /* the sink has said that no more acknowledgements will come */
	bool cut_wanted;  /* exactly once: the sink was asked for a CUT, which has not come */
	uint64_t driver_id; /* the driver's for as long as it lives; 0: there is none */
	bool successor;     /* the driver is about to start this stage again */
	struct board *board;  /* NULL: nobody looks */
	int64_t board_due;    /* clock_ms: when it is written next */
	uint64_t board_shown; /* what had been taken and acknowledged when it was */
};

/* How the stage is wired: by the driver's control socket, or by hand. */
struct source_options {
	int driver;            /* -1: by hand */
	const char *link_path; /* NULL: no link */
	int64_t limit;
	bool stop_at_end;
	bool with_keys; /* lines are key TAB value */
};

/* Runs it to its end; returns the exit status. */
int source_run(struct config *config, const struct source_options *options);

/* ---- for the kinds */

static inline bool source_taking(const struct source *source)
{
	return !source->draining;
}

/* Whether the user has paused this partition. A kind takes no record of it, or none out of its hands. */
bool source_is_paused(const struct source *source, const char *topic, int32_t partition);

/* lanes_dispatch with the count of -n and the rate limit kept: DISPATCH_FULL, too, when the rate lets no
 * record pass now. A record that no stage can carry fails before any attempt, as
 * onFailure says: DISPATCH_FAILED when that stops the source. `unreadable`: what is wrong with headers that
 * can't be read, which the record then has not; or NULL. */
enum dispatch_result source_dispatch(
	struct source *source, const struct passage *passage, const char *unreadable);

/* A stop, or something failed (status): take no more, finish what is under way, and say at once how
 * much that is. */
void source_drain(struct source *source, int status);

/* The same at the end of the input, where there is nothing to say. */
void source_end(struct source *source);

/* Exactly once: the sink, not the source, commits; and it is to do so at once. */
static inline bool source_is_exact(const struct source *source)
{
	return source->config->guarantee == GUARANTEE_EXACTLY_ONCE;
}
void source_want_cut(struct source *source);

#endif
