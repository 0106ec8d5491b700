#include "bruco-worker/limits.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "base/log.h"
#include "base/status.h"

/* A lower limit that is there already stays. */
static int limit(__rlimit_resource_t resource, rlim_t most, const char *key)
{
	struct rlimit limit;

	getrlimit(resource, &limit);
	if (most == 0 || limit.rlim_max <= most)
		return STATUS_OK;
	limit = (struct rlimit){.rlim_cur = most, .rlim_max = most};
	if (setrlimit(resource, &limit) == 0)
		return STATUS_OK;
	log_error("cannot set '%s': %s", key, strerror(errno));
	return STATUS_CONFIG;
}

int limits_apply(const struct processor_config *processor)
{
	int status = limit(RLIMIT_DATA, (rlim_t)processor->limit_memory, "processor.limits.memory");

	if (status == STATUS_OK)
		status = limit(RLIMIT_NOFILE, processor->limit_files, "processor.limits.files");
	return status;
}
