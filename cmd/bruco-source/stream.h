/* The kinds that read standard input: lines, json, frames. */
#ifndef BRUCO_SOURCE_STREAM_H
#define BRUCO_SOURCE_STREAM_H

#include <stdbool.h>

void stream_keys(bool on); /* -K: lines are key TAB value */

#endif
