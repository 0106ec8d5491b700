#include "bruco/driver/instance.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"

enum { INSTANCES_MAX = 1024 };

void instance_init(struct instance *instance)
{
	*instance = (struct instance){.lock = -1};
}

void instance_release(struct instance *instance)
{
	fd_close(&instance->lock);
	free(instance->prefix);
	instance->prefix = NULL;
}

/* False: another process has that number. */
static bool take_number(struct instance *instance, unsigned number)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX}; /* the path begins with a NUL: abstract */
	uint64_t hash = hash_more(HASH_START, instance->prefix, strlen(instance->prefix));
	char *name = mem_printf("bruco-instance-%016" PRIx64 "-%u", hash, number);
	size_t length = strlen(name);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool taken;

	if (fd < 0)
		die(status_of_error(errno), "cannot create a socket: %s", strerror(errno));
	memcpy(address.sun_path + 1, name, length);
	free(name);
	taken = bind(fd, (struct sockaddr *)&address,
			(socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length)) == 0;
	if (!taken && errno != EADDRINUSE)
		die(STATUS_CONFIG, "cannot tell which instance of the pipeline this is: %s (sink.transactionalId says it)",
			strerror(errno));
	if (taken)
		instance->lock = fd;
	else
		close(fd);
	return taken;
}

static void find_number(struct instance *instance)
{
	for (instance->number = 1; instance->number <= INSTANCES_MAX; instance->number++)
		if (take_number(instance, instance->number))
			return;
	die(STATUS_CONFIG, "%d instances of the pipeline run on this machine already", INSTANCES_MAX);
}

void instance_settle(struct instance *instance, struct config *config)
{
	const struct source_config *source = &config->source;
	char host[256] = "", *prefix;

	if (config->guarantee != GUARANTEE_EXACTLY_ONCE || config->sink.transactional_id != NULL)
		return;
	if (source->group_instance_id != NULL) {
		config->sink.transactional_id = mem_printf(
			"bruco/%s/%s/%s", config->name, source->consumer_group, source->group_instance_id);
		return;
	}
	gethostname(host, sizeof host - 1);
	prefix = mem_printf("bruco/%s/%s/%s", config->name, source->consumer_group, host);
	if (instance->prefix == NULL || strcmp(instance->prefix, prefix) != 0) {
		instance_release(instance);
		instance->prefix = mem_text(prefix);
		find_number(instance);
	}
	config->sink.transactional_id = mem_printf("%s/%u", prefix, instance->number);
	free(prefix);
}
