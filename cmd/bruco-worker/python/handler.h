/*
 * The user's module: imported once, its context made, its init_context called; at the end its
 * close_context.
 */
#ifndef BRUCO_WORKER_PYTHON_HANDLER_H
#define BRUCO_WORKER_PYTHON_HANDLER_H

#include <Python.h>

#include "bruco-worker/worker.h"

struct handler {
	PyObject *function; /* handle_event or handle_batch */
	bool takes_batches; /* the latter */
	bool is_async;      /* a call is to be awaited */
	PyObject *init;     /* init_context, or NULL */
	PyObject *close;    /* close_context, or NULL */
	PyObject *context;
	const char *module; /* its name, the configuration's */
};

/* Imports the module and checks that its functions can be called as they will be; calls none. 0, or
 * an exit status, having logged why: a traceback where there is one, then one clear last line. */
int handler_load(struct handler *handler, const struct worker *worker);

/* Makes the context and calls init_context, if the module has it. 0, or an exit status, having
 * logged why. */
int handler_start(struct handler *handler, const struct worker *worker);

/* Calls close_context, if there is one. What it raises is logged, and that is all. */
void handler_close(struct handler *handler);

void handler_release(struct handler *handler);

#endif
