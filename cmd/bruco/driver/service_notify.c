#include "bruco/driver/service_notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"

static char *manager;
static int notifier = -1; /* opened at once: there may be no descriptor left when it is needed */
static struct {
	int64_t every_ms; /* 0: nobody watches */
	int64_t next_ms;
} watchdog;

/* A child of the process that is meant may inherit the variables. */
static int64_t watchdog_time(void)
{
	const char *microseconds = getenv("WATCHDOG_USEC"), *process = getenv("WATCHDOG_PID");
	int64_t value = 0, pid;

	if (microseconds == NULL || !text_integer(microseconds, 2000, INT64_MAX, &value))
		return 0;
	if (process != NULL && (!text_integer(process, 1, INT32_MAX, &pid) || pid != getpid()))
		return 0;
	return value / 1000 / 2;
}

void notify_init(void)
{
	manager = mem_text(getenv("NOTIFY_SOCKET"));
	unsetenv("NOTIFY_SOCKET");
	watchdog.every_ms = manager == NULL ? 0 : watchdog_time();
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	if (manager != NULL)
		notifier = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

void notify(const char *state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t length = manager == NULL ? 0 : strlen(manager);

	if (notifier < 0 || length < 2 || length >= sizeof address.sun_path ||
		(manager[0] != '/' && manager[0] != '@'))
		return;
	memcpy(address.sun_path, manager, length);
	if (manager[0] == '@') /* an abstract socket */
		address.sun_path[0] = '\0';
	(void)!sendto(notifier, state, strlen(state), MSG_DONTWAIT | MSG_NOSIGNAL,
		(const struct sockaddr *)&address,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
}

void notify_watchdog(int64_t now_ms)
{
	if (watchdog.every_ms == 0 || now_ms < watchdog.next_ms)
		return;
	notify("WATCHDOG=1");
	watchdog.next_ms = now_ms + watchdog.every_ms;
}

int64_t notify_deadline(void)
{
	return watchdog.every_ms == 0 ? -1 : watchdog.next_ms;
}
