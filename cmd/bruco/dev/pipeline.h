/* The pipeline of bruco dev as a child, and its log. */
#ifndef BRUCO_DEV_PIPELINE_H
#define BRUCO_DEV_PIPELINE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "config/config.h"

struct pipeline {
	pid_t pid; /* 0: none */
	int log;   /* our end of its standard error; -1: none */
	struct buf line;
	unsigned number; /* of the starts so far: each is a consumer group of its own */
	bool ready;
};

void pipeline_init(struct pipeline *pipeline);

/* The consumer group of the start with this number; the caller frees it. */
char *pipeline_group(unsigned number);

/* Starts the next one. Ends the program when that fails. */
void pipeline_start(struct pipeline *pipeline, const char *address, const char *config_path,
	const struct config *config);

/* Passes on what it has logged. Without -v, the notes of the driver, of source and sink are left
 * out, since they speak of brokers that the user has not named: errors, warnings and all that the
 * handler prints are shown. True when the pipeline has become ready now. */
bool pipeline_read_log(struct pipeline *pipeline);

/* Starts a check of the configuration and its handler; returns its pid. */
pid_t pipeline_check(const char *config_path, const struct config *config);

/* Reads the rest of its log and releases everything. */
void pipeline_ended(struct pipeline *pipeline);

#endif
