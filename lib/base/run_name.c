#include "base/run_name.h"

#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/log.h"
#include "base/status.h"

const char *run_name(void)
{
	static char name[RUN_NAME_LENGTH + 1];
	uint64_t number;

	if (name[0] != '\0')
		return name;
	while (getrandom(&number, sizeof number, 0) < 0)
		if (errno != EINTR)
			die(STATUS_SOFTWARE, "no random numbers: %s", strerror(errno));
	snprintf(name, sizeof name, "%016" PRIx64, number);
	return name;
}
