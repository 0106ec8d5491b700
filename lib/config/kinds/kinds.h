/*
 * The tables of kinds. A kind's keys stand in a file of its own here, so that `bruco check` knows
 * them; what the kind does is in cmd/bruco-source/kinds or cmd/bruco-sink/kinds.
 */
#ifndef CONFIG_KINDS_KINDS_H
#define CONFIG_KINDS_KINDS_H

#include "config/schema.h"

/* NULL-terminated. */
enum { KINDS_MAX = 16 };
extern const struct kind *const source_kinds[];
extern const struct kind *const sink_kinds[];
extern const struct kind *const dead_letter_kinds[];

/* The words of enum record_format. */
extern const char *const record_formats[];

extern const struct kind kafka_source;
extern const struct kind kafka_sink;
extern const struct kind http_source;
extern const struct kind kafka_dead_letter;
extern const struct kind nats_source;
extern const struct kind nats_sink;
extern const struct kind nats_dead_letter;
extern const struct kind file_source;
extern const struct kind file_sink;
extern const struct kind file_dead_letter;
extern const struct kind exec_source;
extern const struct kind exec_sink;
extern const struct kind exec_dead_letter;

#endif
