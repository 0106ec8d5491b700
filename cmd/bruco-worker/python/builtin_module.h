/*
 * The builtin module _bruco: what the Python package bruco needs of the worker that it runs in,
 * such as its log.
 */
#ifndef BRUCO_WORKER_PYTHON_BUILTIN_MODULE_H
#define BRUCO_WORKER_PYTHON_BUILTIN_MODULE_H

struct processor_config;

/* Makes _bruco importable, before Python starts or in one that runs. 0, or -1, in the latter case
 * with an exception set. */
int builtin_module_register(void);

/* Sends the handler's logging, warnings and prints to the worker's log, by the configuration's
 * module_name and log_level. Once the package is importable; 0, or -1 with an exception set. */
int builtin_module_prepare(const struct processor_config *processor);

#endif
