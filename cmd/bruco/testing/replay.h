/*
 * Recorded events run through a real worker, started as the pipeline's are, but alone: each event
 * gets one attempt, and one that fails does not stop the others.
 *
 * A worker that dies takes outputs with it that it had not written yet. So after the first death
 * all begins again in a new worker, with one event at a time: then the death of an event is that
 * event's failure, and all others' outputs are what they always are.
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

/* `config` is changed to what is said above, and kept; `venv` as for launch_init. */
void replay_init(struct replay *replay, struct config *config, const char *venv, int signal_fd);
void replay_release(struct replay *replay);

/* Runs all events in workers of their own; what the workers say goes to `relay`. `outcomes` (reset
 * before) get what comes. 0, or an exit status when no worker could be started, or when a signal
 * came. */
int replay_run(struct replay *replay, const struct capture *capture, struct relay *relay,
	struct outcomes *outcomes);

#endif
