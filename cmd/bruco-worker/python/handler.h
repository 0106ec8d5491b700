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
	PyObject *close;    /* close_context, or NULL */
	PyObject *context;
	const char *module; /* its name, the configuration's */
};

/* Imports the module, looks at its functions, and calls its init_context, if it has one and the
 * worker does not only check it. 0, or an exit status, having said
 * why: a traceback where there is one, then one clear last line. */
int handler_load(struct handler *handler, const struct worker *worker);

/* Calls close_context, if there is one. What it raises is logged, and that is all. */
void handler_close(struct handler *handler);

void handler_release(struct handler *handler);

#endif
