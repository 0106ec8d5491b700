/* What librdkafka says of the properties: bruco has no client of its own, so it asks the stages,
 * which make one each that is connected to nothing. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "bruco/commands/check.h"
#include "bruco/driver/process.h"

enum { ANSWER_MAX = 1 << 20, ANSWER_MS = 30000 };

/* Its status, or -1 when it had to be killed. */
static int end_of(pid_t pid)
{
	int death;

	if (!spawn_reap(pid, &death, ANSWER_MS)) {
		kill(pid, SIGKILL);
		spawn_reap(pid, NULL, ANSWER_MS);
		return -1;
	}
	return WIFEXITED(death) ? WEXITSTATUS(death) : -1;
}

/* What the stage says to its part of the configuration; NULL: nothing. The caller frees it. */
static char *ask(const char *name, const struct config *config, unsigned sections)
{
	char *path = launch_program(name), *answer = NULL;
	const char *arguments[] = {name, "--check", NULL};
	struct buf document = {0};
	int in, out;
	struct spawn_move moves[2];
	struct spawn what = {.path = path,
		.arguments = (char *const *)(size_t)arguments,
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
	if (pid > 0 && end_of(pid) == 0 && lseek(out, 0, SEEK_SET) == 0)
		answer = fd_read_all(out, ANSWER_MAX, &length);
	if (answer == NULL)
		log_plain("'%s' does not say whether its properties are good", name);
	fd_close(&in);
	fd_close(&out);
	buf_release(&document);
	free(path);
	return answer;
}

static size_t check_stage(
	const char *name, const struct config *config, unsigned sections, struct buf *notes)
{
	char *answer = ask(name, config, sections | SECTION_POLICY);
	size_t mistakes = answer == NULL ? 0 : config_property_answers(config, answer, notes);

	free(answer);
	return mistakes;
}

size_t check_properties(const struct config *config, struct buf *notes)
{
	size_t mistakes = 0;

	if (config->source.properties.count > 0)
		mistakes += check_stage("bruco-source", config, SECTION_SOURCE, notes);
	if (config->sink.properties.count + config->dead_letter.properties.count > 0)
		mistakes += check_stage("bruco-sink", config, SECTION_SINK, notes);
	return mistakes;
}
