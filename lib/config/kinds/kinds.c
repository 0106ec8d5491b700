#include "config/kinds/kinds.h"

/* Kinds without keys of their own. */
static const struct kind lines = {.name = "lines", .reads_input = true};
static const struct kind json = {.name = "json", .reads_input = true};
static const struct kind frames = {.name = "frames", .reads_input = true};
static const struct kind discard = {.name = "discard"};
static const struct kind reply = {.name = "reply"};

/* Kinds that there will be, that earlier versions had, or that this build lacks. */
static const struct kind http = {.name = "http", .absent = "does not exist yet"};

#ifdef WITHOUT_NATS
static const struct kind no_nats = {.name = "nats", .absent = "is not part of this build of Bruco"};
#define nats_source	 no_nats
#define nats_sink	 no_nats
#define nats_dead_letter no_nats
#endif

const struct kind *const source_kinds[] = {&kafka_source, &lines, &json, &frames, &http_source, &nats_source,
	&file_source, &exec_source, NULL};
const struct kind *const sink_kinds[] = {&kafka_sink, &lines, &json, &frames, &discard, &reply, &nats_sink,
	&file_sink, &exec_sink, &http, NULL};
const struct kind *const dead_letter_kinds[] = {&kafka_dead_letter, &lines, &json, &frames, &discard, &reply,
	&nats_dead_letter, &file_dead_letter, &exec_dead_letter, &http, NULL};
