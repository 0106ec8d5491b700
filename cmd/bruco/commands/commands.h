/* The commands of bruco(1), each in a file of its own; argv[0] is the command. Each returns the
 * exit status. Each ends the program for --help, --version and usage errors. */
#ifndef BRUCO_COMMANDS_COMMANDS_H
#define BRUCO_COMMANDS_COMMANDS_H

#include "base/options.h"

int command_run(const struct program *program, int argc, char **argv);
int command_init(const struct program *program, int argc, char **argv);
int command_test(const struct program *program, int argc, char **argv);
int command_dev(const struct program *program, int argc, char **argv);
int command_pause(const struct program *program, int argc, char **argv);
int command_resume(const struct program *program, int argc, char **argv);
int command_reload(const struct program *program, int argc, char **argv);
int command_restart(const struct program *program, int argc, char **argv);
int command_stack(const struct program *program, int argc, char **argv);
int command_tap(const struct program *program, int argc, char **argv);
int command_schema(const struct program *program, int argc, char **argv);
int command_status(const struct program *program, int argc, char **argv);
int command_top(const struct program *program, int argc, char **argv);
int command_venv(const struct program *program, int argc, char **argv);
int command_help(const struct program *program, int argc, char **argv);

#endif
