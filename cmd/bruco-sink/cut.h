/*
 * Exactly once: the sink chooses where a transaction ends. A cut has these steps; between them the loop goes
 * on as ever.
 *
 *   holding    no further input is taken; what is put of an open one is put whole
 *   asking     all that was taken is acknowledged, and the source was asked (CUT) what to commit with it
 *   committing the kind commits the outputs, and what the source said
 *
 * With the commit the source is told (COMMITTED), and inputs are taken again. Whatever goes wrong ends the sink,
 * and with it the workers and the source: what is not committed is read again.
 */
#ifndef BRUCO_SINK_CUT_H
#define BRUCO_SINK_CUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sink;
struct message;

enum cut_step { CUT_NONE, CUT_HOLDING, CUT_ASKING, CUT_COMMITTING };

struct cut {
	bool on;   /* exactly once */
	bool over; /* something has gone wrong: nothing is committed any more */
	enum cut_step step;
	bool wanted;     /* by the source */
	uint64_t inputs; /* taken since the last cut, */
	uint64_t bytes;
	int64_t due;       /* and when they are to be committed, clock_ms; */
	int64_t late;      /* when, if they are many */
	int64_t asked_ns;  /* when the last cut was asked for, clock_ns; before the first: the start */
	int64_t takes_ns;  /* from asking until it is committed, as the last ones did */
	uint64_t outputs;  /* put since then, */
	int64_t commit_ns; /* and when the commit began */
};

/* A bound of what one transaction gathers, whatever the commitInterval is; and from where on it gathers for all of the
 * interval: the lanes are held up while it is committed, which costs speed. */
enum { CUT_INPUTS_MAX = 200000, CUT_BYTES_MAX = 64 << 20, CUT_LARGE = 1 << 20 };

void cut_open(struct sink *sink);

/* Whether no further input may be taken now. */
bool cut_holds(const struct sink *sink);
void cut_took(struct sink *sink, uint64_t inputs, size_t bytes);

/* Once a turn, behind the lanes and the acknowledgements: begins a cut that is due, and goes on with it. */
void cut_work(struct sink *sink);
int cut_timeout(const struct sink *sink);

void cut_wanted(struct sink *sink);
/* The source's OFFSETS; fd -1: it refuses. Takes it over. */
void cut_answered(struct sink *sink, int fd);
/* From the kind: it is committed; or it never will be, and the kind has called sink_fail. */
void cut_committed(struct sink *sink);
void cut_failed(struct sink *sink);

/* Whether nothing is left to be committed, or nothing can be. */
bool cut_is_idle(const struct sink *sink);

#endif
