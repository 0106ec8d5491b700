/* The command line of bruco-sink, over its configuration file. */
#ifndef BRUCO_SINK_OPTIONS_H
#define BRUCO_SINK_OPTIONS_H

#include "bruco-sink/sink.h"

/* Reads the options into *options, and by hand the configuration, too: the driver sends its own.
 * Ends the program after --help, --version and --check, and on a mistake. */
void options_read(int argc, char **argv, struct config *config, struct sink_options *options);

#endif
