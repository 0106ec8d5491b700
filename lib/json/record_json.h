/*
 * Records as JSON, an object a line, for people and scripts:
 *
 *   {"topic": "orders", "partition": 3, "offset": 1234, "timestamp": 1767225600000,
 *    "key": "k", "value": "text", "headers": [["name", "value"], ...]}
 *
 * Text where the bytes are UTF-8, else {"base64": "..."}; null is null. Keys that are left out are
 * null, or none for topic, partition, offset, timestamp and headers.
 */
#ifndef JSON_RECORD_JSON_H
#define JSON_RECORD_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "frame/frame.h"

/* Appends the record as one line with its newline. */
void record_json_write(const struct frame_record *record, struct buf *out);

/* The same without what is not given: keys that are null, but for the value, and empty headers. */
void record_json_write_given(const struct frame_record *record, struct buf *out);

/* Reads one line (without newline) into *record, whose parts then point into *space (reset first).
 * False with a text in *why (at least 200 bytes) for what is no JSON object of this form. */
bool record_json_read(const char *line, size_t length, struct frame_record *record,
	struct buf *space, char *why, size_t why_size);

/* What stands for an event that failed, where outputs are listed: {"failed": "ValueError: bad id"}.
 * Text that is not UTF-8 is written as bytes are above. */
void record_json_write_failed(const char *error, size_t length, struct buf *out);
/* Whether the line is one; then *error is its text. */
bool record_json_read_failed(const char *line, size_t length, struct buf *error);

#endif
