#include "bruco/driver/exit_text.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/format.h"
#include "base/signals.h"
#include "base/status.h"
#include "bruco/driver/restarts.h"

static const char *status_text(enum process_role role, int status)
{
	if (role == ROLE_WORKER && status == STATUS_SOFTWARE)
		return "an exception while the handler was starting";
	if (role == ROLE_WORKER && status == STATUS_CONFIG)
		return "the handler cannot be loaded";
	switch (status) {
	case STATUS_FAILED:
		return "a record failed";
	case STATUS_USAGE:
		return "usage";
	case STATUS_DATA:
		return "invalid input";
	case STATUS_UNAVAILABLE:
		return "something that it needs is missing";
	case STATUS_SOFTWARE:
		return "internal error";
	case STATUS_TEMPFAIL:
		return "a temporary failure";
	case STATUS_REFUSED:
		return "the broker refused it";
	case STATUS_CONFIG:
		return "configuration";
	default:
		return "unknown";
	}
}

static void describe_signal(
	char text[TEXT_MAX], const struct exit_facts *facts, const char *process)
{
	int number = WTERMSIG(facts->how);
	const char *name = signals_name(number);

	snprintf(text, TEXT_MAX, "%s was killed by signal %d (SIG%s)%s", process, number,
		name == NULL ? "?" : name,
		facts->out_of_memory ? ", by the kernel, which is out of memory" : "");
}

void exit_describe(
	char text[TEXT_MAX], const struct exit_facts *facts, const struct exit_names *names)
{
	int status = WEXITSTATUS(facts->how);
	char timeout[32];

	if (facts->overdue) {
		format_duration(timeout, names->timeout_ms);
		snprintf(text, TEXT_MAX, "%s was killed for an event that took longer than %s",
			names->process, timeout);
	} else if (WIFSIGNALED(facts->how)) {
		describe_signal(text, facts, names->process);
	} else if (status == STATUS_OK) {
		snprintf(text, TEXT_MAX, "%s ended before its work was done", names->process);
	} else {
		snprintf(text, TEXT_MAX, "%s ended with status %d (%s)", names->process, status,
			status_text(facts->role, status));
	}
}

void exit_explain(char text[TEXT_MAX], enum exit_reason reason, const struct exit_facts *facts,
	const struct exit_names *names, const char *death)
{
	switch (reason) {
	case REASON_DEATH:
		snprintf(text, TEXT_MAX, "%s", death);
		break;
	case REASON_HANDLER_FAILED:
		snprintf(text, TEXT_MAX, "the handler failed in %s", names->process);
		break;
	case REASON_CANNOT_START:
		snprintf(text, TEXT_MAX, "%s cannot start: %s", names->process,
			status_text(facts->role, WEXITSTATUS(facts->how)));
		break;
	case REASON_STOP_IS_FIRST:
		snprintf(text, TEXT_MAX, "a stop before it could start again: %.200s", death);
		break;
	case REASON_RESTARTS_USED_UP:
		snprintf(text, TEXT_MAX, "%u restarts in %d s are used up: %.180s", names->restarts,
			RESTART_WINDOW_MS / 1000, death);
		break;
	case REASON_INPUT_IS_LOST:
		snprintf(text, TEXT_MAX, "%.180s, and standard input can't be read again", death);
		break;
	case REASON_OUTPUT_UNREAD:
		snprintf(text, TEXT_MAX, "nobody reads standard output any more");
		break;
	}
}
