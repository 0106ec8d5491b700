/* The kinds that write standard output: lines, json, frames; and discard. */
#ifndef BRUCO_SINK_KINDS_STDOUT_WRITER_H
#define BRUCO_SINK_KINDS_STDOUT_WRITER_H

#include <stdbool.h>

void stream_keys(bool on); /* -K: lines are key TAB value */

#endif
