/*
 * A record as bytes in a stream of records, in the forms that several kinds write.
 */
#ifndef BRUCO_SINK_KINDS_RECORD_FORM_H
#define BRUCO_SINK_KINDS_RECORD_FORM_H

#include <stdbool.h>

#include "base/buf.h"
#include "config/config.h"
#include "frame/frame.h"

/* `with_keys`: lines are key TAB value. */
void record_form_append(
	struct buf *out, enum record_format format, bool with_keys, const struct frame_record *record);

#endif
