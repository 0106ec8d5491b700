/*
 * The stacks of a worker on their way to who asked: the worker writes them into a file, its page says
 * when they are complete, and the driver looks every few milliseconds until then.
 */
#ifndef BRUCO_DRIVER_STACK_QUERY_H
#define BRUCO_DRIVER_STACK_QUERY_H

#include <stdbool.h>
#include <stdint.h>

#include "bruco/monitor/console.h"
#include "bruco/monitor/overview.h"

struct driver;

enum {
	STACK_LOOK_MS = 5,
	STACK_THREADS_MS = 2000, /* within which the threads' stacks are there, */
	STACK_AGAIN_MS = 300,    /* after which the event loop is asked once more, */
	STACK_TASKS_MS = 1000,   /* within which the tasks are there, both from the threads' on */
	STACK_MAX = 2 << 20      /* bytes of a worker's stacks that are shown */
};

struct stack_query {
	uint32_t request;   /* the number of the last one; never 0 in a request */
	int64_t asked_at;   /* ms; 0: none is under way */
	int64_t threads_at; /* ms; 0: not yet */
	bool again;         /* the event loop was asked once more */
	pid_t pid;          /* of whom */
	struct overview_run run; /* what the worker ran then */
	uint64_t clients[CONSOLE_CLIENTS]; /* who waits for the answer, by id */
	unsigned client_count;
};

/* Has workers show their stacks to that client; `worker` -1: all. */
void driver_ask_stacks(struct driver *driver, int64_t worker, struct console_client *client);
void driver_collect_stacks(struct driver *driver, int64_t now_ms); /* if it is time */
int64_t driver_stacks_deadline(const struct driver *driver);       /* ms; -1: never */

#endif
