/*
 * The handler's Python packages: a requirements.txt beside the handler is installed into a virtual
 * environment that is kept in the user's cache and reused until the file or the Python changes.
 */
#ifndef BRUCO_VENV_VENV_H
#define BRUCO_VENV_VENV_H

/*
 * Makes sure that the environment is there; *venv is its folder (owned by the caller), or NULL when
 * none is needed: no requirements.txt or an empty one, or BRUCO_DISABLE_PIP=true. (With
 * processor.python none is.) No Python is started when it is there already. 0, or
 * STATUS_UNAVAILABLE with a line on stderr. SIGINT and SIGTERM (from signal_fd, signals_init's) end
 * the installation, remove what is half-made and the driver too.
 */
int venv_prepare(const char *handler_path, int signal_fd, char **venv);

#endif
