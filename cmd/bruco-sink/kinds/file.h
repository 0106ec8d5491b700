/*
 * The structure that the files of the file kind share. file.c is the kind; file_rotation.c moves the file away
 * when it is full or its time is over; file_tail.c finds what a crash has torn.
 */
#ifndef BRUCO_SINK_KINDS_FILE_H
#define BRUCO_SINK_KINDS_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/reminder.h"
#include "bruco-sink/sink.h"

struct file_sink {
	struct sink *sink;
	const struct sink_config *config;
	const char *path;
	int folder;         /* that the file is in */
	int fd;             /* locked */
	int64_t size;       /* of what is in it for good */
	int64_t period;     /* of `rotate.interval`, in which its last record was written */
	struct buf out;     /* records that are not in it for good, */
	struct buf tickets; /* and theirs: an array of uint64_t */
	struct buf record;  /* the one that is put */
	bool full;          /* the disk, at the last try */
	int64_t retry_at;   /* clock_ms */
	struct reminder reminder;
};

/* ---- file.c */

/* Opens and locks a file by the path, after a rotation a new one. Ends the program if it can't. */
void file_open_path(struct file_sink *file);

/* ---- file_rotation.c */

/* Which interval of the wall clock a time is in; 0 without rotate.interval. */
int64_t file_period(const struct file_sink *file, int64_t seconds);
/* Whether, when it has so many bytes, so many more belong into a new one. */
bool file_is_over(const struct file_sink *file, int64_t size, size_t more);
/* Milliseconds until the interval is over; -1: never. */
int file_period_left(const struct file_sink *file);
/* Moves it away, removes those that are too many, and opens a new one. False: that failed, which was
 * told. */
bool file_rotate(struct file_sink *file);

/* ---- file_tail.c */

/* How many bytes of a file of `size` are whole records; -1 with errno. EILSEQ: it is no file of such records. */
int64_t file_whole(int fd, int64_t size, enum record_format format, uint32_t size_max);

#endif
