/*
 * What the parts of bruco-worker share: its settings and its descriptors.
 */
#ifndef BRUCO_WORKER_WORKER_H
#define BRUCO_WORKER_WORKER_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "stats/page.h"

struct codec;

/* Statuses that become the death by that signal. */
enum {
	STATUS_INTERRUPTED = 128 + SIGINT,
	STATUS_UNREAD = 128 + SIGPIPE /* nobody reads the output: quietly, as any filter */
};

enum check {
	CHECK_NOTHING,
	CHECK_TEXT,  /* the module's text: nothing of it runs */
	CHECK_MODULE /* the module is imported, its functions are looked at, none is called */
};

struct worker {
	struct config config;
	const struct codec *codec;
	bool driven;      /* started by the driver, not by hand */
	int document;     /* where the configuration was read from, not at its start any more; -1 */
	bool interactive; /* Ctrl-C ends it; else it ends when its input does */
	uint32_t number;  /* which worker of which life; 0 by hand */
	uint32_t life;
	char name[24];     /* "worker-0" */
	char program[32];  /* "bruco-worker-0" under the driver: the name in log lines */
	char *directory;   /* the handler's folder, absolute; the working directory */
	int in, out;       /* records; away from 0-2 */
	int control;       /* the driver's socket, -1 by hand */
	int stacks;        /* the driver's file for stacks, -1 by hand */
	bool draining;     /* the driver has said DRAIN: begin nothing that would have to wait */
	enum check check;  /* it only looks at the handler */
	bool recycles;     /* it ends because of maxEvents, maxMemory or RETIRE, and is to be replaced */
	struct page *page; /* shared with the driver; private by hand */
};

/* Opens descriptors and page (under the driver with what HELLO brings), loads the handler, runs all
 * events, and closes the handler. Starts Python when it is needed and does not run yet, and leaves
 * it running: interpreter_stop is the caller's. Returns the exit status (128 and a signal's number:
 * die by that signal), having logged why if it is not 0. */
int worker_run(struct worker *worker);

#endif
