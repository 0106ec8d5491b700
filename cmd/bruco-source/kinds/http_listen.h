/*
 * The http source's socket, and how many connections the limit of descriptors allows.
 */
#ifndef BRUCO_SOURCE_KINDS_HTTP_LISTEN_H
#define BRUCO_SOURCE_KINDS_HTTP_LISTEN_H

#include <stdint.h>

#include "config/config.h"

/* Listens as the configuration says. Ends the program when that can't succeed. */
int http_listen(const struct source_config *config);

/* How many connections there may be, `wanted` at most. Raises the limit as far as it goes. */
unsigned http_allow_connections(uint32_t wanted);

#endif
