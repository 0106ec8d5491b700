#include "base/processors.h"

#include <errno.h>
#include <sched.h>
#include <unistd.h>

#include "base/cgroup.h"

enum { PROCESSORS_MOST = 1 << 16 };

static uint32_t by_affinity(void)
{
	/* The kernel takes no set that is too small for all processors of the machine. */
	for (int most = CPU_SETSIZE; most <= PROCESSORS_MOST; most *= 2) {
		cpu_set_t *set = CPU_ALLOC((size_t)most);
		size_t size = CPU_ALLOC_SIZE((size_t)most);
		int count = -1, error = ENOMEM;

		if (set != NULL && sched_getaffinity(0, size, set) == 0)
			count = CPU_COUNT_S(size, set);
		else if (set != NULL)
			error = errno;
		CPU_FREE(set);
		if (count > 0)
			return (uint32_t)count;
		if (error != EINVAL)
			break;
	}
	return sysconf(_SC_NPROCESSORS_ONLN) < 1 ? 1 : (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
}

uint32_t processors_available(void)
{
	uint32_t count = by_affinity();
	uint32_t quota = cgroup_processors("");

	return quota > 0 && quota < count ? quota : count;
}
