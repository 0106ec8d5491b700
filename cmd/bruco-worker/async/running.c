#include "bruco-worker/async/running.h"

#include "base/clock.h"
#include "bruco-worker/async/reorder.h"
#include "bruco-worker/python/event_loop.h"
#include "stats/page.h"

enum {
	NS_PER_MS = 1000000,
	AGAIN_NS = 1000000000 /* between two exceptions for the same lateness */
};

static struct {
	struct page *page;
	int64_t timeout_ns; /* 0: none */
	struct flight *oldest, *newest, *current;
	uint64_t newest_seq; /* of all that have begun */
	unsigned count;
	uint64_t steps;
	PyObject *timer; /* for the oldest; NULL: none is set */
	bool over;
} running;

void running_init(struct worker *worker)
{
	running.page = worker->page;
	running.timeout_ns = worker->config.processor.timeout_ms * NS_PER_MS;
}

unsigned running_count(void)
{
	return running.count;
}

struct flight *running_current(void)
{
	return running.current;
}

void running_enter(struct flight *flight)
{
	running.current = flight;
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
	const struct flight *oldest = running.oldest;

	if (running.over || oldest == NULL) {
		page_set_state(running.page, RUN_IDLE);
		return;
	}
	page_set_event(running.page, oldest->seq, oldest->attempt, oldest->since_ns);
	if (running.count == 1)
		page_set_state(running.page, RUN_RUNNING);
	else
		page_together(running.page, ring_first()->seq, running.newest_seq);
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
	running.timer = async_ask(
		"call_later", "(dN)", (double)wait_ns / 1e9, PyCFunction_New(&method, NULL));
	if (running.timer == NULL)
		async_must(NULL);
}

static PyObject *on_time(PyObject *self, PyObject *none)
{
	int64_t now_ns = clock_ns();
	struct flight *flight = running.oldest;

	(void)self;
	(void)none;
	Py_CLEAR(running.timer);
	if (running.over)
		Py_RETURN_NONE;
	for (; flight != NULL; flight = flight->newer) {
		if (!flight->cancelled && now_ns - flight->since_ns < running.timeout_ns)
			break;
		if (flight->cancelled || flight->task == NULL)
			continue;
		flight->cancelled = true;
		async_must(PyObject_CallMethod(flight->task, "cancel", NULL));
	}
	if (flight != NULL)
		set_timer(flight->since_ns + running.timeout_ns - now_ns);
	Py_RETURN_NONE;
}

bool running_may_raise(void)
{
	const struct flight *flight = running.current;
	int64_t late_ns;

	if (flight == NULL)
		return false;
	late_ns = clock_ns() - flight->since_ns - running.timeout_ns;
	if (late_ns < 0) {
		/* It is in the way of the one that the driver means: now it is the one. */
		page_set_event(running.page, flight->seq, flight->attempt, flight->since_ns);
		return false;
	}
	/* One that was cancelled may be tidying up. */
	return !flight->cancelled || late_ns >= AGAIN_NS;
}

/* ---- */

void running_add(struct flight *flight, int64_t now_ns)
{
	flight->state = FLIGHT_RUNNING;
	flight->since_ns = now_ns;
	flight->cancelled = false;
	flight->older = running.newest;
	flight->newer = NULL;
	if (running.newest != NULL)
		running.newest->newer = flight;
	else
		running.oldest = flight;
	running.newest = flight;
	running.count++;
	if (flight->seq > running.newest_seq)
		running.newest_seq = flight->seq;
	if (flight->attempt > 0)
		page_count(running.page, COUNT_RETRIED, 1);
	running_show();
	set_timer(running.timeout_ns);
}

void running_remove(struct flight *flight)
{
	*(flight->older != NULL ? &flight->older->newer : &running.oldest) = flight->newer;
	*(flight->newer != NULL ? &flight->newer->older : &running.newest) = flight->older;
	running.count--;
}
