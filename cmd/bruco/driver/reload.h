/*
 * A reload: the configuration is read again, and the handler with it. The first worker is renewed with
 * what is new; if that does not become ready, nothing has changed. Then the new configuration is the
 * driver's, and all workers are renewed (renewal.h), and become more or fewer (spread.h). Source and sink go
 * on: what only they could take is named and left as it was, but for rateLimit and the processor's workers,
 * ordering, retry.attempts, onFailure and concurrency, which they are told.
 */
#ifndef BRUCO_DRIVER_RELOAD_H
#define BRUCO_DRIVER_RELOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bruco/driver/process.h"
#include "config/config.h"

struct driver;

/* Where the configuration came from. */
struct reload_source {
	const char *path;
	uint32_t workers; /* as the command line says; 0: as the file says */
	/* Reads and checks the file, as config_load; returns the number of mistakes. */
	size_t (*load)(struct config *config, const char *path, struct buf *notes);
};

enum reload_step {
	RELOAD_NONE,
	RELOAD_INSTALLS, /* `bruco venv` runs */
	RELOAD_WAITS,    /* for the end of a restart that was under way */
	RELOAD_TRIES,    /* the first new worker starts */
	RELOAD_ROLLS,    /* it was ready: workers are renewed one after the other */
	RELOAD_SPREADS   /* they are: their number, or the ordering, becomes another one (spread.h) */
};

struct reload {
	const struct reload_source *source; /* NULL: nothing can be reloaded */
	bool by_signal;                     /* SIGHUP means it */
	bool wanted;                        /* one more, after the one that is under way */
	uint32_t round;                     /* counts reloads, from 1 */
	enum reload_step step;
	pid_t installer;                    /* 0: none runs */
	struct config *config;              /* that is tried; NULL: none is */
	struct launch launch;               /* for it; its documents and environment are owned */
	struct texts left;                  /* keys that keep their old values */
	struct config *taken;               /* of the last reload, the driver's own; NULL: none yet */
};

void driver_prepare_reload(struct driver *driver, const struct reload_source *source);
void driver_release_reload(struct driver *driver);
bool driver_reload_spreads(const struct driver *driver); /* no worker is to be renewed meanwhile */
bool driver_reloads(const struct driver *driver); /* one is under way or wanted */
uint32_t driver_want_reload(struct driver *driver); /* returns its round */
void driver_reload_step(struct driver *driver);     /* begins and ends it, if it is time */
void driver_reload_spread(struct driver *driver);   /* goes on with RELOAD_SPREADS */
void driver_reload_proven(struct driver *driver);   /* the standby is ready */
/* The standby has ended, or the pipeline does not run any more; nothing happens if none is under way. */
void driver_reload_failed(
	struct driver *driver, int status, const char *why, const struct buf *log);
/* Whether the child that was reaped was the reload's. */
bool driver_reload_reaped(struct driver *driver, pid_t pid, int how);
const struct launch *driver_launch_of_new_workers(const struct driver *driver);

#endif
