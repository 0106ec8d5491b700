/*
 * A record that no stage can carry, as lib/frame/limits.h has it, or that the client can't hand
 * over whole: it fails before any worker sees it.
 */
#ifndef BRUCO_SOURCE_OVERSIZED_H
#define BRUCO_SOURCE_OVERSIZED_H

#include <stdint.h>

#include "base/buf.h"
#include "frame/frame.h"

enum { OVERSIZED_WHY_MAX = 256 };

/* Why this record fails, without what is left out of its dead letter; `unreadable` is what is wrong
 * with its headers, or NULL. False: nothing is. */
bool oversized_why(const struct frame_record *record, const char *unreadable, uint32_t size_max,
	char why[OVERSIZED_WHY_MAX]);

/*
 * Makes *letter what goes on in place of `record`, which fails because of `why`: as many of its
 * parts as are within the limits, headers last, then its value, then its key; a header bruco-error
 * says which are left out (null). headers_readable: whether record's headers may be used.
 * The letter points into `record`, and into `headers`, which is overwritten.
 */
void oversized_dead_letter(struct frame_record *letter, const struct frame_record *record,
	const char *why, bool headers_readable, uint32_t size_max, struct buf *headers);

#endif
