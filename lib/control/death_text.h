/*
 * A worker's death as one line, for a failed event's error: one wording for the
 * sink and for bruco test.
 */
#ifndef CONTROL_DEATH_TEXT_H
#define CONTROL_DEATH_TEXT_H

#include <stdbool.h>

/* "worker killed by signal 11 (SIGSEGV)". `status` is waitpid(2)'s; `timed_out`: it was killed for
 * an event that ran too long. The caller frees the text. */
char *death_text(int status, bool timed_out);

#endif
