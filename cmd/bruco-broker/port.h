/*
 * The port on which the mock cluster listens. librdkafka always binds to port 0 and has no setting
 * for it, so this program has a bind(2) of its own, which librdkafka's one call reaches first.
 */
#ifndef BRUCO_BROKER_PORT_H
#define BRUCO_BROKER_PORT_H

#include <stdint.h>

/* For binds to port 0 from now on; 0: a free one. One that fails ends the program with 69. */
void port_choose(uint16_t port);

#endif
