/*
 * Carries out the watchdog's orders on a worker's process.
 */
#ifndef BRUCO_DRIVER_WATCHDOG_SIGNALS_H
#define BRUCO_DRIVER_WATCHDOG_SIGNALS_H

#include <stdbool.h>

#include "bruco/driver/process.h"
#include "bruco/driver/watchdog.h"

/* Sends the signal that the order means to the worker alone, not to what its handler has started.
 * True when the worker was killed. */
bool watchdog_signal(struct process *process, enum watch_order order);

#endif
