/* The kinds that read standard input: lines, json, frames. */
#ifndef BRUCO_SOURCE_KINDS_STDIN_READER_H
#define BRUCO_SOURCE_KINDS_STDIN_READER_H

#include <stdbool.h>

void stream_keys(bool on); /* -K: lines are key TAB value */

#endif
