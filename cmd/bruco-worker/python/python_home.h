/*
 * Which Python a handler is for: the embedded interpreter believes to be that executable, which decides
 * where it finds installed packages, or it is executed.
 */
#ifndef BRUCO_WORKER_PYTHON_PYTHON_HOME_H
#define BRUCO_WORKER_PYTHON_PYTHON_HOME_H

#include "bruco-worker/worker.h"
#include "config/python.h"

/*
 * Finds the Python that the handler is to run in: by processor.python, else by the virtual environment
 * of BRUCO_VENV, else, by hand, by the one that bruco has made for the handler's packages, else
 * by that of VIRTUAL_ENV; without any of these it is Bruco's own. python_release it. 0, or an exit status, having logged why if `loud`: there is no such Python, or no module for it.
 */
int python_home_find(const struct worker *worker, bool loud, struct python *python);

#endif
