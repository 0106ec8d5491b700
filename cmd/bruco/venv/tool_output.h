/*
 * What pip or uv says, as log lines: "bruco: error: pip: No matching distribution found for ...". Their own
 * "ERROR:" and "warning:" become the line's level, everything else is information.
 */
#ifndef BRUCO_VENV_TOOL_OUTPUT_H
#define BRUCO_VENV_TOOL_OUTPUT_H

#include <stdbool.h>

#include "base/buf.h"

enum { TOOL_OUTPUT_MAX = 1 << 20 };

struct tool_output {
	const char *tool; /* "pip"; kept, not copied */
	bool at_once;     /* lines are logged as they come, not only by tool_output_log */
	int fd;           /* the tool's words are read here, without waiting; -1: at their end */
	struct buf text;  /* not logged yet: the newest TOOL_OUTPUT_MAX bytes */
};

/* Makes the pipe. Returns the end for the tool, which the caller closes; -1 with errno. */
int tool_output_open(struct tool_output *output, const char *tool, bool at_once);

void tool_output_read(struct tool_output *output); /* what is there now */
void tool_output_log(struct tool_output *output);  /* all that is left */
void tool_output_close(struct tool_output *output);

#endif
