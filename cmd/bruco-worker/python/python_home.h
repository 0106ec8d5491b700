/*
 * Which Python executable the embedded interpreter believes to be: that decides where it finds
 * installed packages.
 */
#ifndef BRUCO_WORKER_PYTHON_PYTHON_HOME_H
#define BRUCO_WORKER_PYTHON_PYTHON_HOME_H

#include "bruco-worker/worker.h"

/*
 * FOLDER/bin/python3 for the virtual environment that processor.python names, else for the one of
 * BRUCO_VENV, else, by hand, the one that bruco has made for the handler's packages, else
 * that of VIRTUAL_ENV; without any of these the Python that this program was built for. The caller
 * owns *executable. 0, or an exit status, having logged why: there is no such environment, or it is
 * for another version of Python.
 */
int python_home_executable(const struct worker *worker, char **executable);

#endif
