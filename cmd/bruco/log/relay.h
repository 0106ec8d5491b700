/*
 * What the stages say, on its way to the driver's stderr. Sources and sinks write ready-made log
 * lines to their stderr, workers to a pipe of their own: those pass as they are. What a handler
 * prints becomes log lines here: stdout info, stderr warning, cut at LOG_LINE_MAX, control
 * characters escaped.
 *
 * Until the first worker was ever ready the words of all workers are held back for a moment, so
 * that of eight workers that fail to import the same handler only one is heard.
 */
#ifndef BRUCO_LOG_RELAY_H
#define BRUCO_LOG_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/log.h"
#include "bruco/log/writer.h"

enum { RELAY_HOLD_MS = 1000, RELAY_HOLD_MAX = 1 << 20, RELAY_PARTIAL_MS = 500 };

/* Whose words: a worker's number, or none of them (driver, source, sink). */
enum { RELAY_NO_WORKER = -1 };

struct held {
	int owner;
	struct buf text;
};

struct relay {
	struct log_writer writer;
	bool holding;
	int only; /* of the workers only this one is heard; RELAY_NO_WORKER: all are */
	struct held *held;
	size_t held_count;
	size_t held_bytes;
	int64_t held_since; /* ms, of the oldest */
};

void relay_init(struct relay *relay, int fd);
void relay_release(struct relay *relay);

/* The driver's own line; everything in the driver that runs beside the stages logs through this. */
void relay_log(struct relay *relay, enum log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

void relay_hold(struct relay *relay);                    /* from now on */
void relay_show_held(struct relay *relay);               /* everything held so far is heard */
void relay_release_held(struct relay *relay);            /* and nothing is held any more */
void relay_only_worker(struct relay *relay, int worker); /* what others said or say is forgotten */
void relay_tick(struct relay *relay, int64_t now_ms);
int64_t relay_deadline(const struct relay *relay); /* for relay_tick; -1: none */

enum stream_kind {
	STREAM_LINES, /* ready-made log lines */
	STREAM_PRINT  /* whatever a handler prints */
};

struct stream {
	int fd; /* owned, non-blocking; -1: closed */
	enum stream_kind kind;
	enum log_level level; /* of printed lines */
	const char *program;  /* "bruco-worker-0"; kept, not copied */
	const char *worker;   /* "worker-0" for the JSON form, or NULL */
	int owner;
	struct buf partial;    /* of a line without its end */
	bool skipping;         /* the rest of a line that was cut */
	int64_t partial_since; /* ms, -1: no partial line */
};

void stream_init(struct stream *stream);                        /* closed */
void stream_read(struct stream *stream, struct relay *relay);   /* what is there now */
void stream_finish(struct stream *stream, struct relay *relay); /* the same, then closes it */
void stream_tick(struct stream *stream, struct relay *relay, int64_t now_ms);
int64_t stream_deadline(const struct stream *stream); /* for stream_tick; -1: none */

#endif
