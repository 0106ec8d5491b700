/*
 * Which instance of its pipeline this is, among those on the same machine: for the name of its transactions,
 * which a successor must have again, so that it fences what is left of this one, and nobody else may have.
 */
#ifndef BRUCO_DRIVER_INSTANCE_H
#define BRUCO_DRIVER_INSTANCE_H

#include "config/config.h"

struct instance {
	int lock;     /* held until the process ends; -1: none is needed */
	char *prefix; /* of the name: what the instances that share a lock have in common */
	unsigned number; /* from 1 */
};

void instance_init(struct instance *instance);
void instance_release(struct instance *instance);

/*
 * Fills in sink.transactionalId if it is needed and not given: "bruco/NAME/GROUP/" and then source.groupInstanceId,
 * or else "HOST/N", where N is the lowest number that no process on this machine holds. It is held by an abstract
 * Unix socket, which the kernel takes back however the process ends; namespaces of networks have their own, as
 * they mostly have host names of their own. Ends the program when all numbers are taken.
 */
void instance_settle(struct instance *instance, struct config *config);

#endif
