#include <Python.h>

#include "bruco-worker/python/timeout.h"

#include "base/clock.h"
#include "base/format.h"
#include "bruco-worker/python/event_loop.h"
#include "bruco-worker/python/import.h"

static const struct worker *timed;
static PyObject *timeout_class;

int timeout_prepare(const struct worker *worker)
{
	timed = worker;
	timeout_class = import_attribute("bruco", "Timeout");
	return timeout_class == NULL ? -1 : 0;
}

/* The signal may come late, for an event that has just ended: only the page knows. */
static bool is_overdue(struct page *page, int64_t timeout_ms)
{
	int64_t since_ns;

	if (!page_runs(atomic_load_explicit(&page->state, memory_order_relaxed)))
		return false;
	since_ns = atomic_load_explicit(&page->since_ns, memory_order_relaxed);
	return clock_ns() - since_ns >= timeout_ms * 1000000;
}

PyObject *timeout_new(void)
{
	char duration[32];

	format_duration(duration, timed->config.processor.timeout_ms);
	return PyObject_CallFunction(
		timeout_class, "N", PyUnicode_FromFormat("no result within %s", duration));
}

PyObject *timeout_raise(PyObject *self, PyObject *arguments)
{
	PyObject *timeout;

	(void)self;
	(void)arguments;
	if (!is_overdue(timed->page, timed->config.processor.timeout_ms) || !event_loop_may_raise())
		Py_RETURN_NONE;
	timeout = timeout_new();
	if (timeout != NULL) {
		PyErr_SetObject(timeout_class, timeout);
		Py_DECREF(timeout);
	}
	return NULL;
}
