/*
 * Tells the service manager, if there is one, how far we are: sd_notify(3)'s datagrams to the
 * socket named by NOTIFY_SOCKET.
 */
#ifndef BRUCO_DRIVER_SERVICE_NOTIFY_H
#define BRUCO_DRIVER_SERVICE_NOTIFY_H

/* Remembers NOTIFY_SOCKET and takes it out of the environment: it is not the stages'. */
void notify_init(void);

/* "READY=1", "STOPPING=1". Never blocks; without a manager nothing happens. */
void notify(const char *state);

#endif
