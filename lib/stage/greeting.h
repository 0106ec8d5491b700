/*
 * HELLO, the first message from the driver to a stage: it replaces the command line.
 */
#ifndef STAGE_GREETING_H
#define STAGE_GREETING_H

#include <stddef.h>

#include "config/config.h"
#include "control/messages.h"
#include "stats/page.h"

struct greeting {
	struct message hello;
	int fds[SOCK_FDS_MAX]; /* by HELLO_*; the caller owns all but those that greeting_open closes */
};

/* Waits at most 10 s for the message, which must have exactly fd_count descriptors, and sets level
 * and format of the log. Ends the program with status 75 when none comes or the driver is gone, with
 * 70 when it is another message or says an impossible number of lanes. */
void greeting_receive(struct greeting *greeting, int driver, size_t fd_count);

/* Reads these sections of the driver's configuration into *config, and maps the page. Closes both
 * descriptors. Ends the program with status 70 when the configuration is unreadable. */
struct page *greeting_open(struct greeting *greeting, struct config *config, unsigned sections);

#endif
