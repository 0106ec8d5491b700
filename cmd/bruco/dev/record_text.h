/* A record as a line for people. */
#ifndef BRUCO_DEV_RECORD_TEXT_H
#define BRUCO_DEV_RECORD_TEXT_H

#include <stdbool.h>

#include "base/buf.h"
#include "frame/frame.h"

/* Appends "topic [key] {name: value, name: value}: value" and a newline. The key is left out when it
 * is null, the headers when there are none; a value that is null is "(null)". What a
 * terminal might obey is escaped, as printable.h says. With `colour` the parts have
 * colours, the topic of a dead letter another one. */
void record_text(
	const struct frame_record *record, bool is_letter, bool colour, struct buf *out);

#endif
