#include "bruco/driver/service_notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"

static char *manager;
static int notifier = -1; /* opened at once: there may be no descriptor left when it is needed */

void notify_init(void)
{
	manager = mem_text(getenv("NOTIFY_SOCKET"));
	unsetenv("NOTIFY_SOCKET");
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
