#include "bruco-broker/port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "base/status.h"

static uint16_t chosen;

void port_choose(uint16_t port)
{
	chosen = port;
}

/* Replaces the C library's for the whole process, hence the system call. */
int bind(int fd, __CONST_SOCKADDR_ARG address, socklen_t length)
{
	const struct sockaddr *given = address.__sockaddr__;
	struct sockaddr_in loopback;

	if (chosen != 0 && given->sa_family == AF_INET && length == sizeof loopback) {
		memcpy(&loopback, given, sizeof loopback);
		if (loopback.sin_port == 0)
			loopback.sin_port = htons(chosen);
		given = (const struct sockaddr *)&loopback;
	}
	if (syscall(SYS_bind, fd, given, length) == 0)
		return 0;
	/* Here and not by the caller, which fails an assertion when its bind fails. */
	die(STATUS_UNAVAILABLE, "cannot listen on 127.0.0.1:%d: %s", chosen, strerror(errno));
}
