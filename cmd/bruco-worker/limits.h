/* processor.limits: what the kernel lets a worker and whatever it starts use. */
#ifndef BRUCO_WORKER_LIMITS_H
#define BRUCO_WORKER_LIMITS_H

#include "config/config.h"

/* Sets the limits for good, before any code of the handler's runs. Returns the exit status: 0, or 78
 * with a line in the log when one can't be set. */
int limits_apply(const struct processor_config *processor);

#endif
