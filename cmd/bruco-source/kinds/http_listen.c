#include "bruco-source/kinds/http_listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/status.h"

enum {
	BACKLOG = 1024,
	SPARE_FDS = 64 /* descriptors that are not connections */
};

static int listen_at(const struct sockaddr *address, socklen_t length)
{
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1, off = 0, error;

	if (fd < 0)
		return -1;
	if (address->sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 && bind(fd, address, length) == 0 &&
		listen(fd, BACKLOG) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

/* An address of IPv6, also "::", which takes IPv4 too; else one of IPv4. */
static int listen_on(const char *host, uint32_t port)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

	if (inet_pton(AF_INET6, host, &six.sin6_addr) == 1)
		return listen_at((struct sockaddr *)&six, sizeof six);
	inet_pton(AF_INET, host, &four.sin_addr);
	return listen_at((struct sockaddr *)&four, sizeof four);
}

int http_listen(const struct source_config *config)
{
	int fd = listen_on(config->listen == NULL ? "::" : config->listen, config->port);

	if (fd < 0 && config->listen == NULL && errno != EADDRINUSE) /* a kernel without IPv6 */
		fd = listen_on("0.0.0.0", config->port);
	if (fd < 0)
		die(errno == EADDRINUSE ? STATUS_TEMPFAIL : STATUS_CONFIG,
			"cannot listen at port %u of %s: %s", config->port,
			config->listen == NULL ? "this machine" : config->listen, strerror(errno));
	return fd;
}

unsigned http_allow_connections(uint32_t wanted)
{
	struct rlimit limit;
	rlim_t needed = (rlim_t)wanted + SPARE_FDS;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= needed)
		return wanted;
	limit.rlim_cur = limit.rlim_max < needed ? limit.rlim_max : needed;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur >= needed)
		return wanted;
	log_warning("the limit of open files (%llu) allows fewer than %u connections",
		(unsigned long long)limit.rlim_cur, wanted);
	return limit.rlim_cur > 2 * SPARE_FDS ? (unsigned)limit.rlim_cur - SPARE_FDS : SPARE_FDS;
}
