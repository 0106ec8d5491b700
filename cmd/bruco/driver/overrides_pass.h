/*
 * Hands what --set has said to a bruco that this one starts, in a descriptor: everybody can read a
 * command line.
 */
#ifndef BRUCO_DRIVER_OVERRIDES_PASS_H
#define BRUCO_DRIVER_OVERRIDES_PASS_H

#include "base/spawn.h"
#include "config/config.h"

struct overrides_pass {
	char option[32];        /* the argument, "--overrides=5" */
	struct spawn_move move; /* its `from` is owned by the caller; -1 with errno: there was none to get */
};

struct overrides_pass overrides_pass(const struct texts *overrides);

/* In the other bruco: adds them to the configuration's. False: they can't be read. */
bool overrides_receive(struct config *config, int fd);

#endif
