#include "bruco-worker/async/running.h"

#include "base/clock.h"
#include "bruco-worker/python/event_loop.h"
#include "stats/page.h"

enum {
	NS_PER_MS = 1000000,
	AGAIN_NS = 1000000000 /* between two exceptions raised in the same late call */
};

static struct {
	struct page *page;
	const struct reorder *reorder;
	int64_t timeout_ns; /* 0: none */
	struct call *oldest, *newest, *current;
	uint64_t newest_seq; /* of all that have begun */
	unsigned count;
	uint64_t steps;
	PyObject *timer; /* for the oldest call; NULL: none is set */
	bool over;
} running;

void running_init(struct worker *worker, const struct reorder *reorder)
{
	running.reorder = reorder;
	running.page = worker->page;
	running.timeout_ns = worker->config.processor.timeout_ms * NS_PER_MS;
}

unsigned running_count(void)
{
	return running.count;
}

void running_enter(struct call *call)
{
	running.current = call;
	running.steps++;
}

void running_leave(void)
{
	running.current = NULL;
}

uint64_t running_steps(void)
{
	return running.steps;
}

/* ---- the shared page */

void running_show(void)
{
	const struct call *oldest = running.oldest;

	if (running.over || oldest == NULL) {
		page_set_state(running.page, RUN_IDLE);
		return;
	}
	page_set_event(running.page, oldest->seq, oldest->attempt, oldest->since_ns);
	if (running.count == 1)
		page_set_state(running.page, RUN_RUNNING);
	else
		page_together(
			running.page, reorder_first(running.reorder)->seq, running.newest_seq);
}

void running_end(void)
{
	running.over = true;
	running_show();
}

/* ---- time limits */

static PyObject *on_time(PyObject *self, PyObject *none);

static void set_timer(int64_t wait_ns)
{
	static PyMethodDef method = {"on_time", on_time, METH_NOARGS, NULL};

	if (running.timer != NULL || running.timeout_ns == 0)
		return;
	running.timer = event_loop_ask(
		"call_later", "(dN)", (double)wait_ns / 1e9, PyCFunction_New(&method, NULL));
	if (running.timer == NULL)
		event_loop_must(NULL);
}

static PyObject *on_time(PyObject *self, PyObject *none)
{
	int64_t now_ns = clock_ns();
	struct call *call = running.oldest;

	(void)self;
	(void)none;
	Py_CLEAR(running.timer);
	if (running.over)
		Py_RETURN_NONE;
	for (; call != NULL; call = call->newer) {
		if (!call->cancelled && now_ns - call->since_ns < running.timeout_ns)
			break;
		if (call->cancelled || call->task == NULL)
			continue;
		call->cancelled = true;
		event_loop_must(PyObject_CallMethod(call->task, "cancel", NULL));
	}
	if (call != NULL)
		set_timer(call->since_ns + running.timeout_ns - now_ns);
	Py_RETURN_NONE;
}

bool running_may_raise(void)
{
	const struct call *call = running.current;
	int64_t late_ns;

	if (call == NULL)
		return false;
	late_ns = clock_ns() - call->since_ns - running.timeout_ns;
	if (late_ns < 0) {
		/* The alarm was for another call, but this one executes and is not late yet: the
		 * page names it from now on, so that its own time limit counts. */
		page_set_event(running.page, call->seq, call->attempt, call->since_ns);
		return false;
	}
	/* A call that was cancelled may be tidying up. */
	return !call->cancelled || late_ns >= AGAIN_NS;
}

/* ---- */

void running_add(struct call *call, int64_t now_ns)
{
	call->state = CALL_RUNNING;
	call->since_ns = now_ns;
	call->cancelled = false;
	call->older = running.newest;
	call->newer = NULL;
	if (running.newest != NULL)
		running.newest->newer = call;
	else
		running.oldest = call;
	running.newest = call;
	running.count++;
	if (call->seq > running.newest_seq)
		running.newest_seq = call->seq;
	if (call->attempt > 0)
		page_count(running.page, COUNT_RETRIED, 1);
	running_show();
	set_timer(running.timeout_ns);
}

void running_remove(struct call *call)
{
	*(call->older != NULL ? &call->older->newer : &running.oldest) = call->newer;
	*(call->newer != NULL ? &call->newer->older : &running.newest) = call->older;
	running.count--;
	if (call->number % SAMPLE_EVENTS == 0)
		histogram_add(&running.page->times, clock_ns() - call->since_ns);
}
