/*
 * Runs recorded events through a real worker, started as the driver starts it, but alone. Each
 * event gets one attempt, and one that fails does not stop the others. A worker that dies takes
 * outputs with it that it had not written. So after the first death all events run again in a new
 * worker, one at a time: then a death is the failure of the event that ran, and the others'
 * outputs are complete.
 */
#ifndef BRUCO_TESTING_REPLAY_H
#define BRUCO_TESTING_REPLAY_H

#include <stdint.h>

#include "bruco/driver/process.h"
#include "bruco/log/relay.h"
#include "bruco/testing/capture.h"
#include "bruco/testing/outcomes.h"

struct replay {
	const struct config *config;
	struct launch launch;
	int signal_fd;
	int signal_number; /* the SIGINT, SIGTERM or SIGHUP that ended it; 0: none did */
};

/* Changes `config` as said above and keeps it; `venv` as for launch_init, which may end the
 * program. */
void replay_init(struct replay *replay, struct config *config, const char *venv, int signal_fd);
void replay_release(struct replay *replay);

/* Runs all events; the workers' lines go to `relay`, the outcomes to `outcomes`, which are reset
 * before. Returns 0, or an exit status when no worker could be started or a signal came. */
int replay_run(struct replay *replay, const struct capture *capture, struct relay *relay,
	struct outcomes *outcomes);

#endif
