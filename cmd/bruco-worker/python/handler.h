/*
 * The user's module: imported once, its context made, its init_context called; at the end its
 * close_context.
 */
#ifndef BRUCO_WORKER_PYTHON_HANDLER_H
#define BRUCO_WORKER_PYTHON_HANDLER_H

#include <Python.h>

#include <stdbool.h>

#include "bruco-worker/worker.h"

/* A kind of handler: the module's function that makes it one. */
struct handler_function {
	const char *name;
	const char *arguments; /* "context data" */
	bool may_overlap;      /* an async one may have several calls in flight */
};

struct handler {
	PyObject *function;
	const struct handler_function *kind;
	bool is_async;   /* the result of each call has to be awaited */
	PyObject *init;  /* init_context, or NULL */
	PyObject *close; /* close_context, or NULL */
	PyObject *context;
	const char *module; /* its name, the configuration's */
};

/* Imports the module, which must have exactly one of these functions, and checks that its functions
 * can be called as they will be; calls none. 0, or an exit status, having logged why: a traceback
 * where there is one, then one clear last line. */
int handler_load(struct handler *handler, const struct worker *worker,
	const struct handler_function *const *kinds, int count);

/* Makes the context and calls init_context, if the module has it. 0, or an exit status, having
 * logged why. */
int handler_start(struct handler *handler, const struct worker *worker);

/* Calls close_context, if the module has it. What it raises is logged, and the status stays. */
void handler_close(struct handler *handler);

void handler_release(struct handler *handler);

#endif
