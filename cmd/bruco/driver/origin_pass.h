/*
 * Hands the text of a configuration that came from standard input, and what --set has said, to a bruco
 * that this one starts. That goes through a descriptor, since everybody can read a command line.
 */
#ifndef BRUCO_DRIVER_ORIGIN_PASS_H
#define BRUCO_DRIVER_ORIGIN_PASS_H

#include "base/spawn.h"
#include "config/config.h"

struct origin_pass {
	char option[32];        /* the argument, "--origin=5", which stands before the path */
	struct spawn_move move; /* its `from` is owned by the caller; -1 with errno: there was none to get */
};

struct origin_pass origin_pass(const struct config *config);

/* In the other bruco: what config_origin_as does. False: it can't be read. */
bool origin_receive(struct config *config, int fd);

#endif
