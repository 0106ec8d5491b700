/*
 * Installs the list of packages beside a handler into a virtual environment, which is kept in the
 * user's cache and reused until the list or the Python changes. All of it, pip above all, is done as
 * processor.user where there is one: what is built is code of strangers, as the handler is.
 */
#ifndef BRUCO_VENV_VENV_H
#define BRUCO_VENV_VENV_H

#include "config/config.h"

/*
 * Makes sure that the environment is there, without starting Python if it is. *venv is its folder
 * (owned by the caller), or NULL when none is needed: there is no list or an empty
 * one, BRUCO_DISABLE_PIP=true, processor.python names one, or there is no processor. Returns 0, or
 * STATUS_UNAVAILABLE with a line on stderr. On SIGINT or SIGTERM (read from `signal_fd`,
 * signals_init's) kills the installation, deletes the unfinished environment and dies by that
 * signal.
 */
int venv_prepare(const struct config *config, int signal_fd, char **venv);

#endif
