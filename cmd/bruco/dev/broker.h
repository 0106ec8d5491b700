/*
 * The broker of bruco dev: bruco-broker as a child, with its requests. It dies with this program.
 */
#ifndef BRUCO_DEV_BROKER_H
#define BRUCO_DEV_BROKER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct broker {
	pid_t pid;     /* 0: gone */
	int to, from;  /* our ends of its standard input and output */
	char *address; /* "127.0.0.1:40123" */
};

/* Starts it; ends the program when that fails. */
void broker_start(struct broker *broker);
void broker_stop(struct broker *broker);

/* Its answers, see bruco-broker(1). False when the broker is gone or does not answer in time, with
 * an error line. */
bool broker_topic(struct broker *broker, const char *topic, int partitions);
bool broker_progress(
	struct broker *broker, const char *group, const char *topic, int64_t *done, int64_t *all);
bool broker_copy(struct broker *broker, const char *group, const char *next, const char *topic);

#endif
