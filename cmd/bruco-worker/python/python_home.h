/*
 * Which Python executable the embedded interpreter takes itself for: it decides where the installed
 * packages are found.
 */
#ifndef BRUCO_WORKER_PYTHON_PYTHON_HOME_H
#define BRUCO_WORKER_PYTHON_PYTHON_HOME_H

#include "bruco-worker/worker.h"

/*
 * FOLDER/bin/python3 for the virtual environment that processor.python names, else for the one of
 * BRUCO_VENV, else, by hand, the one that bruco has made for the handler's requirements.txt, else
 * that of VIRTUAL_ENV; without any the Python that this program was built for. The caller owns
 * *executable. 0, or an exit status, having said why: no such environment, or one for another
 * version of Python.
 */
int python_home_executable(const struct worker *worker, char **executable);

#endif
