/*
 * A record that is larger than maxRecordSize: no frame can hold it, so that it fails before any
 * worker sees it.
 */
#ifndef BRUCO_SOURCE_OVERSIZED_H
#define BRUCO_SOURCE_OVERSIZED_H

#include <stdint.h>

#include "base/buf.h"
#include "frame/frame.h"

/*
 * Makes *letter what goes on in place of `record`: its value left out (null), and its headers and
 * its key too where it would still be larger than cap; a header bruco-error says so. It fits into
 * cap, which is at least 4 KiB, points into `record`, and into `headers`, which is overwritten.
 */
void oversized_letter(struct frame_record *letter, const struct frame_record *record, uint32_t cap,
	struct buf *headers);

#endif
