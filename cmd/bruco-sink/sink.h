/*
 * The sink's loop: reads the lanes, hands an input's outputs to its kind only when it has them all,
 * and acknowledges over the link what was delivered, never anything else.
 */
#ifndef BRUCO_SINK_SINK_H
#define BRUCO_SINK_SINK_H

#include <stdbool.h>
#include <stdint.h>

#include "bruco-sink/cut.h"
#include "bruco-sink/kinds.h"
#include "config/config.h"
#include "control/messages.h"
#include "frame/frame.h"
#include "lane/deliveries.h"
#include "lane/given.h"
#include "lane/intake.h"
#include "stage/stage.h"
#include "stats/page.h"
#include "tap/taps.h"

struct sink;

/* An open kind: the sink proper, or the dead letter. */
struct destination {
	struct sink *sink;
	const struct sink_kind *kind; /* NULL: there is no dead letter */
	const struct sink_config *config;
	void *state;
	bool ready;
	const char *why; /* of the last PUT_REFUSED; static storage */
};

enum { DEATHS_MAX = 16 }; /* remembered a lane */

struct death {
	uint64_t seq; /* of the event that ran */
	int status;   /* as waitpid(2) gave it */
	uint32_t flags;
};

struct successor { /* a LANE message that waits for the old pipe to be read out */
	struct message message;
	int write_fd, read_fd; /* -1: there is none */
};

enum lane_state {
	LANE_NONE, /* no worker yet */
	LANE_OPEN,
	LANE_AT_END, /* its pipe was read to the end of file */
	LANE_BROKEN, /* its worker sent an invalid frame: nothing more is read */
	LANE_GONE    /* no successor */
};

struct receive_lane {
	enum lane_state state;
	int fd;
	uint32_t life;
	struct intake intake;
	struct deliveries deliveries;
	struct input input;    /* being put */
	bool refused;          /* one of its outputs, and with it all of that output's event */
	uint64_t judged_seq;   /* the event of which it is known; 0: of none */
	bool judged_refused;   /* one of its outputs is refused */
	size_t put;            /* bytes of it that are put; input.length: none is open */
	uint32_t outputs;      /* and records */
	uint64_t failed;       /* deliveries' number of the newest input that has failed */
	uint64_t base;         /* deliveries' number of the input before input.first */
	uint64_t acknowledged; /* the last numbers sent over the link: delivered, */
	uint64_t told_read;    /* and read */
	struct successor *successors;
	size_t successor_count;
	struct death deaths[DEATHS_MAX]; /* a ring */
	uint64_t death_count;
};

struct sink {
	struct stage stage;
	struct config *config; /* POLICY changes it */
	struct destination out;
	struct destination dead_letter;
	struct late_letter *late; /* failure_policy.c's */
	size_t late_count;
	char **topics; /* of origins: each name once */
	size_t topic_count;
	struct receive_lane *lanes;
	unsigned lane_count; /* of room for LIMIT_LANES */
	bool strict;         /* as lane_init has it */
	unsigned first_lane; /* the one that found the kind full, which goes first next time */
	struct page *page;
	struct taps taps; /* on what is put, and on what has failed */
	uint32_t cap;
	int link;            /* to the source, or -1 */
	int answers;         /* the source's pipe for them, or -1 (answers.h) */
	struct buf told;     /* what is not written to it yet */
	struct given *given; /* what it has given to the workers; NULL: not known */
	struct cut cut;
	uint64_t under_way; /* outputs put and not delivered */
	bool link_full;     /* something could not be sent */
	int64_t read_due;   /* when the source is told what was read; 0: it knows */
	bool end_sent;
	bool with_keys;   /* -K */
	bool closing;     /* nothing more is read or put */
	int status;       /* not 0: finish what is under way, then end with it */
	int64_t deadline; /* of that, clock_ms */
};

struct sink_options {
	int driver;            /* -1: by hand */
	const char *link_path; /* NULL: no link */
	bool with_keys;        /* lines are key TAB value */
};

/* Runs it to its end; returns the exit status. */
int sink_run(struct config *config, const struct sink_options *options);

/* ---- for the kinds */

void destination_ready(struct destination *destination);

/* A delivery failed for good: nothing more is read, what else is under way is waited for (bounded),
 * then the sink ends with this status. The record is never acknowledged. */
void sink_fail(struct sink *sink, int status);

/* Reads what the source has sent, now. */
void sink_read_link(struct sink *sink);

static inline const char *destination_refuse(
	const struct destination *destination, const struct frame_record *record)
{
	return destination->kind->refuse == NULL ? NULL : destination->kind->refuse(destination->state, record);
}
static inline enum put_result destination_put(
	const struct destination *destination, const struct frame_record *record, uint64_t ticket)
{
	return destination->kind->put(destination->state, record, ticket);
}

#endif
