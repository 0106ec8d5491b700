/* The words for an exit: what the process died of, and why the driver acts as it does. */
#ifndef BRUCO_DRIVER_EXIT_TEXT_H
#define BRUCO_DRIVER_EXIT_TEXT_H

#include <stdint.h>

#include "bruco/driver/judge.h"

enum { TEXT_MAX = 256 }; /* bytes of such a text, with its NUL; longer ones are cut */

struct exit_names {
	const char *process; /* "worker 1", "bruco-sink" */
	int64_t timeout_ms;  /* processor.timeout */
	uint32_t restarts;   /* maxRestarts */
};

/* "worker 1 was killed by signal 9 (SIGKILL)", "bruco-sink ended with status 77 (...)". Not for a
 * process that never ran. */
void exit_describe(
	char text[TEXT_MAX], const struct exit_facts *facts, const struct exit_names *names);

/* `death` is exit_describe's, or says why the process could not be started. */
void exit_explain(char text[TEXT_MAX], enum exit_reason reason, const struct exit_facts *facts,
	const struct exit_names *names, const char *death);

#endif
