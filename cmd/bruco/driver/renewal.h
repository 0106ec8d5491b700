/*
 * Renewing workers, one after the other, while the pipeline runs. The new worker starts beside the old
 * one, as `standby`, with pipes that nobody uses yet. Only when it is ready is the old one told to end
 * between two events; its end is a recycling, and the standby takes its lane. So a lane is without a
 * worker for no longer than a moment, and a worker that cannot start costs nothing but its own end.
 */
#ifndef BRUCO_DRIVER_RENEWAL_H
#define BRUCO_DRIVER_RENEWAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "bruco/driver/process.h"
#include "bruco/monitor/console.h"

struct driver;
struct worker_slot;

enum {
	PATIENCE_LEAST_MS = 1000, /* for the end of an event, if shutdownTimeout is shorter */
	STANDBY_MS = 600000,      /* for a standby to be ready: models take their time to load, */
	STANDBY_HURRY_MS = 10000  /* but not when another reload waits for it */
};

struct standby {
	struct process process; /* pid 0: there is none */
	uint32_t lane;
	int in, out;    /* our ends of its pipes, for the sink; -1: none */
	uint32_t depth; /* what its READY said */
	bool unwanted;  /* killed: it is not to take a lane any more */
	struct buf log; /* what it said until it took the lane */
};

/* Who waits for a worker, or for the reload. */
struct renewal_waiter {
	uint64_t client; /* by id; 0: nobody */
	uint32_t lane;   /* of a restart */
	uint32_t round;  /* of a reload; 0: it is a restart */
	bool to_the_end; /* of a reload: until the last worker is new, not the first */
};

struct renewal {
	struct standby standby;
	struct renewal_waiter waiters[CONSOLE_CLIENTS];
};

void driver_init_standby(struct standby *standby, uint32_t lane);
void driver_release_standby(struct standby *standby); /* which does not run */
void driver_standby_ready(struct driver *driver, const struct message *message);
void driver_standby_ended(struct driver *driver, int how); /* as waitpid(2) says; it was reaped */

/* The standby takes the lane, if it is ready and meant for it; fds: our ends of its pipes, for the sink.
 * False: there is none. */
bool driver_standby_takes(struct driver *driver, struct worker_slot *slot, int fds[2]);
void driver_worker_renewed(struct driver *driver, struct worker_slot *slot); /* after that */

/* Does what is next for the workers whose `renew` is set, if it is time. */
void driver_renew(struct driver *driver);
int64_t driver_renew_deadline(const struct driver *driver); /* ms; -1: none */

/* The client is answered when what it waits for has happened, or will not. */
void driver_await_renewal(
	struct driver *driver, const struct renewal_waiter *waiter, struct console_client *client);
/* The next client, from place *at on, that waits for such a thing: it is taken off the list. NULL: no
 * more. */
struct console_client *driver_renewal_client(
	struct driver *driver, const struct renewal_waiter *wanted, unsigned *at);

#endif
