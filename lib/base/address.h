/*
 * Addresses to listen at: "127.0.0.1:9095", "[::1]:9095", "localhost:9095", "0.0.0.0:9095"; a port
 * alone is 127.0.0.1's. Names are not looked up.
 */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

/* False when the text is none. Ports are 1 to 65535. */
bool address_parse(const char *text, struct sockaddr_storage *address, socklen_t *length);

#endif
