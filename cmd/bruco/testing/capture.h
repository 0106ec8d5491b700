/*
 * Reads a file of recorded events into the frames that a worker reads. The file's name says what
 * it holds: .json (a record a line), .lines (a value a line) or .frames (frames).
 */
#ifndef BRUCO_TESTING_CAPTURE_H
#define BRUCO_TESTING_CAPTURE_H

#include <stdint.h>

#include "base/buf.h"

enum { CAPTURE_MAX = 1 << 30 }; /* bytes of a file */

struct capture {
	struct buf frames; /* first attempts, numbered from 1 */
	size_t *starts;    /* where each begins, and the end of the last: count + 1 of them */
	size_t count;
};

/* "json", "lines" or "frames", or NULL: the name ends in none of them. */
const char *capture_kind(const char *path);

/* 0, or an exit status with the mistake on stderr: STATUS_DATA for what the file holds, as
 * "orders.json:3: ...", STATUS_USAGE when it can't be read. `size_max` is maxRecordSize. */
int capture_read(struct capture *capture, const char *path, uint32_t size_max);
void capture_release(struct capture *capture);

#endif
