/*
 * A pipe on which a process of the driver speaks, and what becomes of it. Sources and sinks write
 * log lines to their stderr, workers to a pipe of their own: these pass when they are what they claim to
 * be (claimed_lines.h), but for those that come again and again (relay_put_log). All that a handler
 * prints is passed on; it is made log lines here: of level info from stdout, warning from stderr, cut at
 * LOG_LINE_MAX, with control characters escaped.
 */
#ifndef BRUCO_LOG_STAGE_OUTPUT_H
#define BRUCO_LOG_STAGE_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/log.h"
#include "bruco/log/relay.h"

enum { OUTPUT_COPY_MAX = 16 << 10 }; /* bytes */
enum { OUTPUT_PARTIAL_MS = 500 }; /* after which a line without an end is shown */

enum output_kind {
	OUTPUT_LINES, /* ready-made log lines */
	OUTPUT_PRINT  /* whatever a handler prints */
};

struct stage_output {
	int fd; /* owned, non-blocking; -1: closed */
	enum output_kind kind;
	enum log_level level; /* of printed lines */
	const char *program;  /* "bruco-worker-0"; kept, not copied */
	const char *worker;   /* "worker-0" for the JSON form, or NULL */
	int owner;
	bool left_out;         /* the last entry was: so is what follows of its traceback */
	struct buf partial;    /* of a line without its end */
	bool skipping;         /* the rest of a line that was cut */
	int64_t partial_since; /* ms, -1: no partial line */
	struct buf *copy;      /* takes what is shown, too, up to OUTPUT_COPY_MAX; NULL: nothing does */
};

void stage_output_init(struct stage_output *output); /* closed, of no worker */

/* Reads what is there now, but not without bound, and passes it to the relay; at end of file the
 * descriptor is closed. */
void stage_output_read(struct stage_output *output, struct relay *relay);

/* The same for the last time, then closes the descriptor. */
void stage_output_finish(struct stage_output *output, struct relay *relay);

void stage_output_tick(struct stage_output *output, struct relay *relay, int64_t now_ms);
int64_t stage_output_deadline(const struct stage_output *output); /* for the tick; -1: none */

#endif
