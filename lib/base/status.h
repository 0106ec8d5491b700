/*
 * Exit statuses of all programs: those of sysexits.h where one fits. The driver reads them to
 * decide what is worth a restart.
 */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

#include <errno.h>
#include <stdbool.h>

enum {
	STATUS_OK = 0,           /* drained after a signal, or end of input */
	STATUS_FAILED = 1,       /* a record failed under onFailure: stop */
	STATUS_USAGE = 64,       /* command line */
	STATUS_DATA = 65,        /* input is not frames or JSON */
	STATUS_UNAVAILABLE = 69, /* link socket absent, pip could not install */
	STATUS_SOFTWARE = 70,    /* exception at import or in init_context; internal error */
	STATUS_TEMPFAIL =
		75, /* peer gone, deadline passed, restarts used up, fatal producer error */
	STATUS_REFUSED = 77, /* authentication, authorisation, TLS */
	STATUS_CONFIG = 78   /* configuration; no such module, no handle_event */
};

/* Whether a stage that ended with this exit status may do better when it is started again. */
static inline bool status_is_final(int status)
{
	return status == STATUS_FAILED || status == STATUS_USAGE || status == STATUS_DATA ||
	       status == STATUS_SOFTWARE || status == STATUS_REFUSED || status == STATUS_CONFIG;
}

/* With which to end when a system call fails that is not expected to: to be short of descriptors or
 * memory passes, anything else is a mistake of ours. */
static inline int status_of_error(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS ||
			       error == EAGAIN || error == ENOSPC
		       ? STATUS_TEMPFAIL
		       : STATUS_SOFTWARE;
}

#endif
