#include "bruco-sink/kinds.h"

#include <string.h>

#include "base/parts.h"

static const struct sink_kind *const kinds[] = {
	&kind_kafka, &kind_lines, &kind_json, &kind_frames, &kind_discard, &kind_reply, IF_NATS(&kind_nats, ) &kind_file,
	&kind_exec};

const char sink_kind_names[] = "kafka, lines, json, frames, discard, reply, " IF_NATS("nats, ") "file, exec";

const struct sink_kind *sink_kind_named(const char *name)
{
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (strcmp(kinds[i]->name, name) == 0)
			return kinds[i];
	return NULL;
}
