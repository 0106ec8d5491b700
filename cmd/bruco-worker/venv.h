/*
 * Which Python executable the embedded interpreter takes itself for: it decides where the standard
 * library and the installed packages are found.
 */
#ifndef WORKER_VENV_H
#define WORKER_VENV_H

/*
 * FOLDER/bin/python3 for this virtual environment, if it is not NULL (processor.python), else for
 * the one that BRUCO_VENV, else VIRTUAL_ENV names; without any the Python that this program was
 * built for. The caller owns *executable. 0, or an exit status, having said why: no such
 * environment, or one for another version of Python.
 */
int venv_executable(const char *folder, char **executable);

#endif
