/* What librdkafka says of the properties. bruco has no Kafka client, so it asks source and sink:
 * each makes one that connects to nothing. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "bruco/commands/check.h"
#include "bruco/driver/process.h"

enum { ANSWER_MAX = 1 << 20, ANSWER_MS = 30000 };

/* Whether the child exited with status 0 in time. */
static bool ended_well(pid_t pid)
{
	int death;

	return spawn_wait(pid, &death, ANSWER_MS) && death == 0;
}

/* What source or sink answers about its part of the configuration; NULL: nothing. The caller frees
 * it. */
static char *ask_client(const char *name, const struct config *config, unsigned sections)
{
	char *path = launch_program(name), *answer = NULL;
	const char *arguments[] = {name, "--check", NULL};
	struct buf document = {0};
	int in, out;
	struct spawn_move moves[2];
	struct spawn what = {.path = path,
		.arguments = arguments,
		.moves = moves,
		.move_count = 2,
		.die_with_parent = true};
	size_t length;
	pid_t pid;

	config_dump(config, sections, false, &document);
	in = fd_memory("configuration", document.data, document.length);
	out = fd_memory("answer", NULL, 0);
	moves[0] = (struct spawn_move){in, STDIN_FILENO};
	moves[1] = (struct spawn_move){out, STDOUT_FILENO};
	pid = in < 0 || out < 0 ? -1 : spawn(&what);
	if (pid > 0 && ended_well(pid) && lseek(out, 0, SEEK_SET) == 0)
		answer = fd_read_all(out, ANSWER_MAX, &length);
	if (answer == NULL)
		log_plain("cannot check the properties: '%s' did not answer", name);
	fd_close(&in);
	fd_close(&out);
	buf_wipe(&document);
	free(path);
	return answer;
}

static size_t check_client(
	const char *name, const struct config *config, unsigned sections, struct buf *notes)
{
	char *answer = ask_client(name, config, sections | SECTION_POLICY);
	size_t mistakes = answer == NULL ? 0 : config_property_answers(config, answer, notes);

	free(answer);
	return mistakes;
}

size_t check_properties(const struct config *config, struct buf *notes)
{
	size_t mistakes = 0;

	const struct source_config *source = &config->source;
	const struct sink_config *sink = &config->sink, *letters = &config->dead_letter;

	if (config_has_properties(&source->security, &source->properties) &&
		!config_mistaken(config, "source.properties"))
		mistakes += check_client("bruco-source", config, SECTION_SOURCE, notes);
	if ((config_has_properties(&sink->security, &sink->properties) ||
		    config_has_properties(&letters->security, &letters->properties)) &&
		!config_mistaken(config, "sink.properties") &&
		!config_mistaken(config, "deadLetter.properties"))
		mistakes += check_client("bruco-sink", config, SECTION_SINK, notes);
	return mistakes;
}
