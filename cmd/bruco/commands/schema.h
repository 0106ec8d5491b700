/* bruco schema, and the file that bruco init puts into a project. */
#ifndef BRUCO_COMMANDS_SCHEMA_H
#define BRUCO_COMMANDS_SCHEMA_H

#include "base/buf.h"

/* Appends the JSON Schema of a configuration, indented. */
void schema_text(struct buf *out);

#endif
