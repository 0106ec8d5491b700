#include "bruco-source/kinds.h"

#include <string.h>

#ifndef WITHOUT_NATS
#define NATS_KIND , &kind_nats
#define NATS_NAME ", nats"
#else
#define NATS_KIND
#define NATS_NAME ""
#endif

static const struct source_kind *const kinds[] = {
	&kind_kafka, &kind_lines, &kind_json, &kind_frames, &kind_http, &kind_file, &kind_exec NATS_KIND};

const char source_kind_names[] = "kafka, lines, json, frames, http, file, exec" NATS_NAME;

const struct source_kind *source_kind_named(const char *name)
{
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (strcmp(kinds[i]->name, name) == 0)
			return kinds[i];
	return NULL;
}
