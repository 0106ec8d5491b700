/* What is wrong with processor.user, and with the files that its workers are to read and not to read. */
#ifndef BRUCO_COMMANDS_CHECK_USER_H
#define BRUCO_COMMANDS_CHECK_USER_H

#include "config/config.h"
#include "config/diagnostics.h"

/* Reports whether there is such a user whom this process can become; the first folder or file on the way to
 * what a worker reads that refuses it; and, as warnings, what it can read of the configuration's secrets. */
void check_user(const struct config *config, struct diagnostics *diagnostics);

#endif
