/*
 * Tells the service manager, if there is one, how far we are: sd_notify(3)'s datagrams to the
 * socket named by NOTIFY_SOCKET.
 */
#ifndef BRUCO_DRIVER_SERVICE_NOTIFY_H
#define BRUCO_DRIVER_SERVICE_NOTIFY_H

#include <stdint.h>

/* Remembers NOTIFY_SOCKET and the watchdog's time, WATCHDOG_USEC with WATCHDOG_PID, and takes all of them out
 * of the environment: they are not the stages'. */
void notify_init(void);

/* "READY=1", "STOPPING=1". Never blocks; without a manager nothing happens. */
void notify(const char *state);

/* Sends "WATCHDOG=1" if it is time: twice within the time after which the manager takes this process for
 * hung. Whoever waits calls it again at notify_deadline, ms of the clock; -1: nobody watches. */
void notify_watchdog(int64_t now_ms);
int64_t notify_deadline(void);

#endif
