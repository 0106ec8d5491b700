/*
 * Headers of a record as they stand in a frame, one behind the other in a buffer.
 */
#ifndef FRAME_HEADERS_H
#define FRAME_HEADERS_H

#include "base/buf.h"
#include "frame/frame.h"

/* Appends one header; a name and a value as long as struct frame_header says. */
void headers_append(struct buf *headers, const struct frame_header *header);

/* The same with a name as C string and a value of `length` bytes, or null. */
void headers_append_text(struct buf *headers, const char *name, const char *value, size_t length);

bool header_is_named(const struct frame_header *header, const char *name);

#endif
