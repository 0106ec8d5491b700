/* What follows from the end of a process, cell by cell: the kinds of ends by the driver's states.
 */

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bruco/driver/exit_text.h"
#include "bruco/driver/judge.h"
#include "stats/page.h"
#include "unit.h"

/* Facts as words. Without any, all is well: connected, ready, and with restarts to spare. */
static void apply(struct exit_facts *facts, const char *word)
{
	if (strncmp(word, "exit:", 5) == 0)
		facts->how = atoi(word + 5) << 8;
	else if (strncmp(word, "signal:", 7) == 0)
		facts->how = atoi(word + 7);
	else if (strcmp(word, "source") == 0)
		facts->role = ROLE_SOURCE;
	else if (strcmp(word, "sink") == 0)
		facts->role = ROLE_SINK;
	else if (strcmp(word, "worker") == 0)
		facts->role = ROLE_WORKER;
	else if (strcmp(word, "never-ran") == 0)
		facts->never_ran = true, facts->ready = false;
	else if (strcmp(word, "unready") == 0)
		facts->ready = false;
	else if (strcmp(word, "waited") == 0)
		facts->waited = true;
	else if (strcmp(word, "final") == 0)
		facts->final = true;
	else if (strcmp(word, "killed") == 0)
		facts->killed = true;
	else if (strcmp(word, "recycles") == 0)
		facts->recycles = true;
	else if (strcmp(word, "running") == 0)
		facts->run = RUN_RUNNING;
	else if (strcmp(word, "together") == 0)
		facts->run = RUN_TOGETHER;
	else if (strcmp(word, "accounted") == 0)
		facts->accounted = true;
	else if (strcmp(word, "first") == 0)
		facts->worker_was_ready = false;
	else if (strcmp(word, "source-waits") == 0)
		facts->source_started = false;
	else if (strcmp(word, "without-source") == 0)
		facts->source_connected = false;
	else if (strcmp(word, "without-sink") == 0)
		facts->sink_connected = false;
	else if (strcmp(word, "lanes-gone") == 0)
		facts->lanes_are_gone = true;
	else if (strcmp(word, "rewinds") == 0)
		facts->rewinds = true;
	else if (strcmp(word, "stop") == 0)
		facts->stops_at_failure = true;
	else if (strcmp(word, "no-restart") == 0)
		facts->restart_available = false;
	else
		unit_fail(__FILE__, __LINE__, "no fact '%s'", word);
}

static struct exit_facts facts_of(const char *words, enum supervise_state state)
{
	struct exit_facts facts = {.state = state,
		.ready = true,
		.worker_was_ready = true,
		.source_started = true,
		.source_connected = true,
		.sink_connected = true,
		.restart_available = true};
	char copy[256], *rest = copy;

	snprintf(copy, sizeof copy, "%s", words);
	for (char *word; (word = strsep(&rest, " ")) != NULL;)
		apply(&facts, word);
	return facts;
}

static void show(char *text, size_t size, const struct judgement *judgement)
{
	static const char *const reasons[] = {"death", "handler failed", "cannot start",
		"stop is first", "restarts used up", "input is lost", "output unread"};
	static const char *const warnings[] = {"", ", warn", ", warn of restart"};
	static const char *const held[] = {"", ", show held", ", only this worker"};
	char event[64] = "nothing";

	if (judgement->fires)
		snprintf(event, sizeof event, "%s %d: %s", supervise_event_name(judgement->event),
			judgement->status, reasons[judgement->reason]);
	snprintf(text, size, "%s%s%s%s", event, warnings[judgement->warning], held[judgement->held],
		judgement->takes_restart ? ", take restart" : "");
}

/* In the other two states, waiting and done, no process runs. */
enum { STATES = STATE_WAITING, CELLS_MAX = 4 };

struct cell {
	const char *states; /* "others" comes last, "all" alone */
	const char *judgement;
};

/* clang-format off */
static const struct {
	const char *facts;
	struct cell cells[CELLS_MAX];
} rows[] = {
	{"worker signal:11 running",
		{{"starting running draining", "worker died 75: death, show held, take restart"},
			{"ending closing", "worker died 75: death, warn, show held"},
			{"others", "worker died 75: death, show held"}}},
	{"worker signal:11 running accounted no-restart",
		{{"ending closing", "worker died 75: death, warn, show held"},
			{"others", "worker died 75: death, show held"}}},
	{"worker signal:11 running no-restart",
		{{"starting running draining", "worker lost 75: restarts used up, show held"},
			{"ending closing", "worker died 75: death, warn, show held"},
			{"others", "worker died 75: death, show held"}}},
	{"worker signal:9 killed running",
		{{"starting running draining", "worker died 75: death, show held, take restart"},
			{"others", "worker died 75: death, show held"}}},
	{"worker exit:70 unready",
		{{"starting running", "worker died 75: death, show held, take restart"},
			{"draining", "worker lost 75: stop is first, show held"},
			{"ending closing", "worker died 75: death, warn, show held"},
			{"others", "worker died 75: death, show held"}}},
	{"worker exit:70 unready first",
		{{"all", "fatal 70: cannot start, only this worker"}}},
	{"worker exit:70 unready first killed",
		{{"starting running", "worker died 75: death, show held, take restart"},
			{"draining", "worker lost 75: stop is first, show held"},
			{"others", "worker died 75: death, show held"}}},
	{"worker exit:75 unready first",
		{{"starting running", "worker died 75: death, show held, take restart"},
			{"draining", "worker lost 75: stop is first, show held"},
			{"ending closing", "worker died 75: death, warn, show held"},
			{"others", "worker died 75: death, show held"}}},
	{"worker exit:70 unready source-waits",
		{{"starting running", "worker died 75: death, show held, take restart"},
			{"draining", "worker lost 0: stop is first, show held"},
			{"ending closing", "worker died 75: death, warn, show held"},
			{"others", "worker died 75: death, show held"}}},
	{"worker never-ran",
		{{"starting running", "worker died 75: death, take restart"},
			{"draining", "worker lost 75: stop is first"},
			{"others", "worker died 75: death"}}},
	{"worker never-ran no-restart",
		{{"starting running", "worker lost 75: restarts used up"},
			{"draining", "worker lost 75: stop is first"},
			{"others", "worker died 75: death"}}},
	{"worker exit:0 recycles",
		{{"all", "worker recycled 0: death"}}},
	{"worker signal:6 recycles",
		{{"all", "worker recycled 0: death, warn"}}},
	{"worker signal:11 recycles running",
		{{"starting running draining", "worker died 75: death, show held, take restart"},
			{"ending closing", "worker died 75: death, warn, show held"},
			{"others", "worker died 75: death, show held"}}},
	{"worker exit:0 recycles without-source",
		{{"cutting", "worker recycled 0: death"},
			{"others", "nothing"}}},
	{"worker exit:1 stop",
		{{"all", "worker lost 1: handler failed"}}},
	{"worker exit:1",
		{{"starting running draining", "worker died 75: death, show held, take restart"},
			{"ending closing", "worker died 75: death, warn, show held"},
			{"others", "worker died 75: death, show held"}}},
	{"worker exit:1 stop running",
		{{"starting running draining", "worker died 75: death, show held, take restart"},
			{"ending closing", "worker died 75: death, warn, show held"},
			{"others", "worker died 75: death, show held"}}},
	{"worker exit:0",
		{{"starting running", "worker died 75: death, show held, take restart"},
			{"draining", "worker lost 0: death"},
			{"others", "worker died 75: death, show held"}}},
	{"worker exit:0 together",
		{{"starting running draining", "worker died 75: death, show held, take restart"},
			{"others", "worker died 75: death, show held"}}},
	{"worker exit:0 without-sink",
		{{"draining", "worker lost 0: death"},
			{"ending closing cutting", "worker died 75: death, show held"},
			{"others", "nothing, show held"}}},
	{"worker signal:11 running without-source",
		{{"ending closing", "worker died 75: death, warn, show held"},
			{"cutting", "worker died 75: death, show held"},
			{"others", "nothing, show held"}}},
	{"source signal:9 rewinds",
		{{"starting running ending", "endpoint died 75: death, warn of restart, take restart"},
			{"settling restarting", "endpoint died 75: death, warn"},
			{"others", "endpoint died 75: death"}}},
	{"source signal:9 rewinds killed",
		{{"starting running ending", "endpoint died 75: death, warn of restart, take restart"},
			{"others", "endpoint died 75: death"}}},
	{"source signal:9",
		{{"starting running ending", "fatal 75: input is lost"},
			{"settling restarting", "endpoint died 75: death, warn"},
			{"others", "endpoint died 75: death"}}},
	{"source signal:9 source-waits",
		{{"starting running ending", "endpoint died 75: death, warn of restart, take restart"},
			{"settling restarting", "endpoint died 75: death, warn"},
			{"others", "endpoint died 75: death"}}},
	{"source signal:9 rewinds no-restart",
		{{"starting running ending", "fatal 75: restarts used up"},
			{"settling restarting", "endpoint died 75: death, warn"},
			{"others", "endpoint died 75: death"}}},
	{"source exit:77 rewinds",
		{{"settling restarting", "fatal 77: death, warn"},
			{"others", "fatal 77: death"}}},
	{"source exit:75 rewinds",
		{{"starting running ending", "endpoint died 75: death, warn of restart, take restart"},
			{"others", "endpoint died 75: death"}}},
	{"source exit:75 rewinds unready waited",
		{{"starting running", "fatal 75: death"},
			{"ending", "endpoint died 75: death, warn of restart, take restart"},
			{"others", "endpoint died 75: death"}}},
	{"sink exit:75 rewinds unready waited",
		{{"starting running", "fatal 75: death"},
			{"ending", "endpoint died 75: death, warn of restart, take restart"},
			{"others", "endpoint died 75: death"}}},
	{"sink exit:75 rewinds final",
		{{"starting running ending", "fatal 75: death"}, {"others", "endpoint died 75: death"}}},
	{"sink signal:9 rewinds final",
		{{"starting running ending", "endpoint died 75: death, warn of restart, take restart"},
			{"settling restarting", "endpoint died 75: death, warn"},
			{"others", "endpoint died 75: death"}}},
	{"source exit:75 rewinds waited",
		{{"starting running ending", "endpoint died 75: death, warn of restart, take restart"},
			{"others", "endpoint died 75: death"}}},
	{"source exit:0 rewinds",
		{{"starting running", "endpoint died 75: death, warn of restart, take restart"},
			{"ending closing", "nothing"},
			{"others", "endpoint died 75: death"}}},
	{"source never-ran source-waits",
		{{"starting running ending", "endpoint died 75: death, warn of restart, take restart"},
			{"others", "endpoint died 75: death"}}},
	{"sink signal:9 rewinds",
		{{"starting running ending", "endpoint died 75: death, warn of restart, take restart"},
			{"settling restarting", "endpoint died 75: death, warn"},
			{"others", "endpoint died 75: death"}}},
	{"sink signal:13",
		{{"all", "fatal 75: output unread"}}},
	{"source signal:13 rewinds",
		{{"starting running ending", "endpoint died 75: death, warn of restart, take restart"},
			{"settling restarting", "endpoint died 75: death, warn"},
			{"others", "endpoint died 75: death"}}},
	{"sink exit:0 rewinds",
		{{"starting running", "endpoint died 75: death, warn of restart, take restart"},
			{"ending closing", "nothing"},
			{"others", "endpoint died 75: death"}}},
	{"sink exit:0 lanes-gone rewinds",
		{{"starting running", "endpoint died 75: death, warn of restart, take restart"},
			{"draining ending closing", "nothing"},
			{"others", "endpoint died 75: death"}}},
	{"source exit:0 lanes-gone rewinds",
		{{"starting running", "endpoint died 75: death, warn of restart, take restart"},
			{"ending closing", "nothing"},
			{"others", "endpoint died 75: death"}}},
};
/* clang-format on */

/* The first of a row's cells that is for this state. */
static const char *expected(const struct cell *cells, const char *state)
{
	size_t length = strlen(state);

	for (int i = 0; i < CELLS_MAX && cells[i].states != NULL; i++) {
		const char *at = strstr(cells[i].states, state);

		if (strcmp(cells[i].states, "all") == 0 || strcmp(cells[i].states, "others") == 0)
			return cells[i].judgement;
		/* "starting" is a part of "restarting". */
		while (at != NULL && ((at > cells[i].states && at[-1] != ' ') ||
					     (at[length] != ' ' && at[length] != '\0')))
			at = strstr(at + 1, state);
		if (at != NULL)
			return cells[i].judgement;
	}
	return NULL;
}

TEST(every_cell)
{
	char text[256], what[256];

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		for (int j = 0; j < STATES; j++) {
			enum supervise_state state = (enum supervise_state)j;
			struct exit_facts facts = facts_of(rows[i].facts, state);
			struct judgement judgement = judge_exit(&facts);

			show(text, sizeof text, &judgement);
			snprintf(what, sizeof what, "%s, %s", rows[i].facts,
				supervise_state_name(state));
			unit_text(__FILE__, __LINE__, what, text,
				expected(rows[i].cells, supervise_state_name(state)));
		}
}

TEST(consequences_say_nothing_of_the_cause)
{
	CHECK(judge_is_consequence(STATE_RUNNING, 0));
	CHECK(judge_is_consequence(STATE_RUNNING, 75 << 8));
	CHECK(judge_is_consequence(STATE_CLOSING, 75 << 8));
	CHECK(!judge_is_consequence(STATE_CLOSING, 0));
	CHECK(!judge_is_consequence(STATE_ENDING, 0));
	CHECK(!judge_is_consequence(STATE_RUNNING, 77 << 8));
	CHECK(!judge_is_consequence(STATE_RUNNING, SIGKILL));
}

static const char *describe(const char *facts_words, const char *process, bool overdue, bool memory)
{
	static char text[TEXT_MAX];
	struct exit_facts facts = facts_of(facts_words, STATE_RUNNING);
	struct exit_names names = {.process = process, .timeout_ms = 1500};

	facts.overdue = overdue;
	facts.out_of_memory = memory;
	exit_describe(text, &facts, &names);
	return text;
}

TEST(deaths_in_words)
{
	CHECK_TEXT(describe("worker signal:11", "worker 1", false, false),
		"worker 1 was killed by signal 11 (SIGSEGV)");
	CHECK_TEXT(describe("worker signal:9 killed", "worker 1", true, false),
		"worker 1 was killed for an event that took longer than 1500ms");
	CHECK_TEXT(describe("worker signal:9", "worker 1", false, true),
		"worker 1 was killed by signal 9 (SIGKILL), by the kernel, which is out of memory");
	CHECK_TEXT(describe("worker exit:70", "worker 1", false, false),
		"worker 1 ended with status 70 (an exception while the handler was starting)");
	CHECK_TEXT(describe("sink exit:70", "bruco-sink", false, false),
		"bruco-sink ended with status 70 (internal error)");
	CHECK_TEXT(describe("sink exit:0", "bruco-sink", false, false),
		"bruco-sink ended before its work was done");
}

static const char *explain(enum exit_reason reason)
{
	static char text[TEXT_MAX];
	struct exit_facts facts = facts_of("worker exit:78", STATE_RUNNING);
	struct exit_names names = {.process = "worker 1", .restarts = 3};

	exit_explain(text, reason, &facts, &names, "it died");
	return text;
}

TEST(reasons_in_words)
{
	CHECK_TEXT(explain(REASON_DEATH), "it died");
	CHECK_TEXT(explain(REASON_HANDLER_FAILED), "the handler failed in worker 1");
	CHECK_TEXT(explain(REASON_CANNOT_START),
		"worker 1 cannot start: the handler cannot be loaded");
	CHECK_TEXT(explain(REASON_STOP_IS_FIRST), "a stop before it could start again: it died");
	CHECK_TEXT(explain(REASON_RESTARTS_USED_UP), "3 restarts in 60 s are used up: it died");
	CHECK_TEXT(
		explain(REASON_INPUT_IS_LOST), "it died, and standard input can't be read again");
	CHECK_TEXT(explain(REASON_OUTPUT_UNREAD), "nobody reads standard output any more");
}

UNIT_MAIN
