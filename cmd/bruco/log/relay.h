/*
 * What the driver and its processes say, on its way to the driver's stderr.
 *
 * Until the first worker was ready, the lines of all workers are held back for RELAY_HOLD_MS: of
 * eight workers that fail to import the same handler only one is heard. Entries that a process logs
 * again and again are left out and counted, as repeats.h says, unless the log's level is debug.
 */
#ifndef BRUCO_LOG_RELAY_H
#define BRUCO_LOG_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/log.h"
#include "bruco/log/repeats.h"
#include "bruco/log/writer.h"

enum { RELAY_HOLD_MS = 1000, RELAY_HOLD_MAX = 1 << 20 };

/* Whose lines they are: a worker's number, or this for driver, source and sink. */
enum { RELAY_NO_WORKER = -1 };

struct held {
	int owner;
	struct buf text;
};

struct relay {
	struct log_writer writer;
	struct repeats repeats;
	bool holding;
	int only; /* lines of other workers are dropped; RELAY_NO_WORKER: of none */
	struct held *held;
	size_t held_count;
	size_t held_bytes;
	int64_t held_since; /* ms, of the oldest */
};

void relay_init(struct relay *relay, int fd);
void relay_release(struct relay *relay);

/* A line of the driver. While stages run the driver logs in no other way, so that it never waits
 * for whoever reads its stderr. */
void relay_log(struct relay *relay, enum log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same about something. */
void relay_about(struct relay *relay, enum log_level level, const struct log_about *about,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Whole lines of a process, already in the log's format; `owner` as above. */
void relay_put(struct relay *relay, int owner, const char *text, size_t length);

/* The same of what a process logs, without those that come again and again. *left_out says whether
 * the entry that the text ends with, and whose traceback may go on, was left out; it begins as
 * false. */
void relay_put_log(
	struct relay *relay, int owner, const char *text, size_t length, bool *left_out);

void relay_hold(struct relay *relay);         /* holds the lines of workers back from now on */
void relay_show_held(struct relay *relay);    /* writes what is held so far */
void relay_release_held(struct relay *relay); /* the same, and holds nothing back any more */

/* No process has more to say: the same, and how often lines were left out. */
void relay_show_rest(struct relay *relay);

/* As relay_release_held, but drops the lines of all other workers, now and later. */
void relay_only_worker(struct relay *relay, int worker);

void relay_tick(struct relay *relay, int64_t now_ms); /* writes what was held for long enough */
int64_t relay_deadline(const struct relay *relay);    /* for relay_tick; -1: none */

#endif
