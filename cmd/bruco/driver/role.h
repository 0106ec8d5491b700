/* The three roles that a process of the driver may have. */
#ifndef BRUCO_DRIVER_ROLE_H
#define BRUCO_DRIVER_ROLE_H

enum process_role { ROLE_SOURCE, ROLE_SINK, ROLE_WORKER, ROLE_COUNT };

#endif
