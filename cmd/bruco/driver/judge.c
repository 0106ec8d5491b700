#include "bruco/driver/judge.h"

#include <signal.h>
#include <sys/wait.h>

#include "base/status.h"
#include "stats/page.h"

static bool exited_with(const struct exit_facts *facts, int status)
{
	return !facts->never_ran && WIFEXITED(facts->how) && WEXITSTATUS(facts->how) == status;
}

static bool is_final(const struct exit_facts *facts)
{
	return !facts->never_ran && WIFEXITED(facts->how) &&
	       status_is_final(WEXITSTATUS(facts->how));
}

bool judge_is_over(enum supervise_state state)
{
	return state == STATE_ENDING || state == STATE_CLOSING;
}

bool judge_is_consequence(enum supervise_state state, int how)
{
	if (!WIFEXITED(how) || (how == 0 && judge_is_over(state)))
		return false;
	return how == 0 || WEXITSTATUS(how) == STATUS_TEMPFAIL;
}

static struct judgement nothing(enum exit_held held)
{
	return (struct judgement){.held = held};
}

static struct judgement event(enum supervise_event event, int status, enum exit_reason reason)
{
	return (struct judgement){
		.fires = true, .event = event, .status = status, .reason = reason};
}

/* ---- workers */

/* When source or sink end, a worker's pipes end, and so does the worker: that is no death of its
 * own. While workers are cut off, each end counts, because the sink waits to hear of it. */
static bool is_of_interest(const struct exit_facts *facts)
{
	return facts->state == STATE_CUTTING || (facts->source_connected && facts->sink_connected);
}

/* The worker has announced its end, with all outputs written. Whatever it died of afterwards, in
 * close_context or in a library's destructors, costs no record. */
static bool is_recycled(const struct exit_facts *facts)
{
	return facts->ready && facts->recycles && !facts->killed && facts->run != RUN_RUNNING;
}

/* The worker says so by its status and by a page that shows no running event: a handler that calls
 * os._exit(1) is a crash like others. */
static bool handler_failed(const struct exit_facts *facts)
{
	return facts->ready && exited_with(facts, STATUS_FAILED) && !page_runs(facts->run) &&
	       facts->stops_at_failure;
}

/* The worker paused before another attempt when the driver began to stop. It leaves what its lane
 * holds to the next start; nothing has failed. */
static bool ended_in_a_pause(const struct exit_facts *facts)
{
	return facts->state == STATE_DRAINING && facts->ready && exited_with(facts, STATUS_OK) &&
	       !page_runs(facts->run);
}

/* No worker could start yet, and this one says that none ever will. */
static bool cannot_start(const struct exit_facts *facts)
{
	return !facts->worker_was_ready && is_final(facts) && !facts->killed;
}

static struct judgement judge_recycled(const struct exit_facts *facts)
{
	struct judgement judgement = nothing(HELD_STAYS);

	if (is_of_interest(facts))
		judgement = event(EVENT_WORKER_RECYCLED, WEXITSTATUS(facts->how), REASON_DEATH);
	if (facts->how != 0)
		judgement.warning = WARN_DEATH;
	return judgement;
}

/* A worker that may have a successor. */
static struct judgement judge_dead_worker(const struct exit_facts *facts)
{
	bool replaced = supervise(facts->state, EVENT_WORKER_DIED).actions & ACTION_REPLACE;
	bool counts = !facts->ready || !facts->accounted;
	struct judgement judgement;

	if (facts->state == STATE_DRAINING && !facts->ready)
		return event(EVENT_WORKER_LOST, facts->source_started ? STATUS_TEMPFAIL : STATUS_OK,
			REASON_STOP_IS_FIRST);
	if (replaced && counts && !facts->restart_available)
		return event(EVENT_WORKER_LOST, STATUS_TEMPFAIL, REASON_RESTARTS_USED_UP);
	judgement = event(EVENT_WORKER_DIED, STATUS_TEMPFAIL, REASON_DEATH);
	judgement.takes_restart = replaced && counts;
	return judgement;
}

static struct judgement judge_worker(const struct exit_facts *facts)
{
	struct judgement judgement;

	if (facts->never_ran)
		return judge_dead_worker(facts);
	if (is_recycled(facts))
		return judge_recycled(facts);
	if (handler_failed(facts))
		return event(EVENT_WORKER_LOST, STATUS_FAILED, REASON_HANDLER_FAILED);
	if (ended_in_a_pause(facts))
		return event(EVENT_WORKER_LOST, STATUS_OK, REASON_DEATH);
	if (cannot_start(facts)) {
		judgement = event(EVENT_FATAL, WEXITSTATUS(facts->how), REASON_CANNOT_START);
		judgement.held = HELD_OF_THIS_WORKER;
		return judgement;
	}
	if (!judge_is_over(facts->state) && !is_of_interest(facts))
		return nothing(HELD_IS_SHOWN);
	judgement = judge_dead_worker(facts);
	judgement.held = HELD_IS_SHOWN; /* the worker's last lines stand before the driver's */
	if (judge_is_over(facts->state) && facts->how != 0 && !facts->killed &&
		facts->sink_connected)
		judgement.warning = WARN_DEATH;
	return judgement;
}

/* ---- source and sink */

/* A drain that leaves records may leave no worker: then the sink has nothing more to do, while the
 * source has still to commit. */
static bool sank_all(const struct exit_facts *facts)
{
	return facts->role == ROLE_SINK && facts->state == STATE_DRAINING && facts->lanes_are_gone;
}

/* The sink dies of SIGPIPE only by its own decision: it ignores the signal. */
static bool nobody_reads(const struct exit_facts *facts)
{
	return facts->role == ROLE_SINK && !facts->never_ran && WIFSIGNALED(facts->how) &&
	       WTERMSIG(facts->how) == SIGPIPE;
}

/* A new start would only wait again, or fail again. Once the pipeline is being restarted, the status says only
 * that the other one is gone. */
static bool gave_up(const struct exit_facts *facts)
{
	bool runs = facts->state == STATE_STARTING || facts->state == STATE_RUNNING;

	if (!exited_with(facts, STATUS_TEMPFAIL))
		return false;
	return (runs && facts->waited && !facts->ready) || (facts->final && (runs || facts->state == STATE_ENDING));
}

/* Source or sink ended, and a new start may mend it. */
static struct judgement judge_dead_endpoint(const struct exit_facts *facts)
{
	bool restarts = supervise(facts->state, EVENT_ENDPOINT_DIED).next == STATE_RESTARTING &&
			facts->state != STATE_RESTARTING;
	struct judgement judgement;

	if (restarts && facts->source_started && !facts->rewinds)
		return event(EVENT_FATAL, STATUS_TEMPFAIL, REASON_INPUT_IS_LOST);
	if (restarts && !facts->restart_available)
		return event(EVENT_FATAL, STATUS_TEMPFAIL, REASON_RESTARTS_USED_UP);
	judgement = event(EVENT_ENDPOINT_DIED, STATUS_TEMPFAIL, REASON_DEATH);
	judgement.takes_restart = restarts;
	judgement.warning = restarts ? WARN_RESTART : WARN_NOTHING;
	return judgement;
}

static struct judgement judge_endpoint(const struct exit_facts *facts)
{
	bool stops = facts->state == STATE_RESTARTING || facts->state == STATE_SETTLING;
	struct judgement judgement;

	if (facts->never_ran)
		return judge_dead_endpoint(facts);
	if (facts->how == 0 && (judge_is_over(facts->state) || sank_all(facts)))
		return nothing(HELD_STAYS);
	if (nobody_reads(facts))
		return event(EVENT_FATAL, STATUS_TEMPFAIL, REASON_OUTPUT_UNREAD);
	judgement = is_final(facts) || gave_up(facts)
			    ? event(EVENT_FATAL, WEXITSTATUS(facts->how), REASON_DEATH)
			    : judge_dead_endpoint(facts);
	/* The other one has died before: this is a cause of its own. */
	if (stops && !facts->killed && !judge_is_consequence(facts->state, facts->how))
		judgement.warning = WARN_DEATH;
	return judgement;
}

struct judgement judge_exit(const struct exit_facts *facts)
{
	return facts->role == ROLE_WORKER ? judge_worker(facts) : judge_endpoint(facts);
}
