/*
 * Runs a tokenCommand: bounded in time and in what it prints. No Kafka client here.
 */
#ifndef KAFKA_TOKEN_COMMAND_H
#define KAFKA_TOKEN_COMMAND_H

#include <stdbool.h>

#include "base/buf.h"
#include "config/config.h"

enum { TOKEN_COMMAND_MS = 20000, TOKEN_COMMAND_WHY_MAX = 512 };

/* Appends what the program has printed on standard output. False: *why says why there is no answer to
 * look at, "it ended with status 1: curl: (6) could not resolve host". It has ended, or was killed with
 * its process group. For any thread, but a child is killed when the thread ends that has started it. */
bool token_command_run(
	const struct texts *command, struct buf *out, char why[TOKEN_COMMAND_WHY_MAX]);

#endif
