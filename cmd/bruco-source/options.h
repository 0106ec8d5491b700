/* The command line of bruco-source, over its configuration file. */
#ifndef BRUCO_SOURCE_OPTIONS_H
#define BRUCO_SOURCE_OPTIONS_H

#include "bruco-source/source.h"

/* Reads the options into *options, and by hand the configuration, too: the driver sends its own.
 * Ends the program after --help, --version and --check, and on a mistake. */
void options_read(int argc, char **argv, struct config *config, struct source_options *options);

#endif
