/*
 * The coroutine of a task that runs calls. Most of asyncio's cost is tasks, so a task goes on with
 * the next call as long as handlers don't wait for anything. A call that waits keeps the task to
 * its end, and further tasks are started for other calls. So whatever depends on the task
 * (asyncio.timeout, task groups, cancellation) never mixes two events that are in flight.
 */
#include "bruco-worker/async/task.h"

#include "base/clock.h"
#include "bruco-worker/async/call_end.h"
#include "bruco-worker/async/running.h"
#include "bruco-worker/async/scheduler.h"
#include "bruco-worker/python/awaitable.h"
#include "bruco-worker/python/context.h"
#include "bruco-worker/python/event_loop.h"
#include "bruco-worker/python/event_type.h"
#include "bruco-worker/python/fork_guard.h"
#include "bruco-worker/python/handler.h"
#include "bruco-worker/python/import.h"
#include "bruco-worker/python/timeout.h"
#include "bruco-worker/run/counters.h"
#include "bruco-worker/run/emit.h"
#include "bruco-worker/run/invoke.h"

enum { TURN_NS = 5000000 }; /* then the event loop has its turn */

struct task {
	PyObject_HEAD struct call *call; /* the call that has waited; NULL: none */
	PyObject *asyncio;
};

enum step { STEP_WAITS, STEP_RETURNED, STEP_RAISED };

static PyObject *collect, *variable, *base, *cancelled_class;
static PyObject *asyncio_task, *task_names, *must_cancel; /* for tasks */
static PyTypeObject *task_type;

/* ---- one step of an awaitable */

/* The iterator has ended. It has returned if StopIteration or no exception is set. */
static enum step fetch_stop(PyObject **result)
{
	PyObject *type, *value, *trace;

	if (PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_StopIteration))
		return STEP_RAISED;
	PyErr_Fetch(&type, &value, &trace);
	if (type != NULL)
		PyErr_NormalizeException(&type, &value, &trace);
	*result = value == NULL ? new_reference(Py_None) : PyObject_GetAttrString(value, "value");
	Py_XDECREF(type);
	Py_XDECREF(value);
	Py_XDECREF(trace);
	return *result == NULL ? STEP_RAISED : STEP_RETURNED;
}

static enum step send(PyObject *iterator, PyObject *value, PyObject **result)
{
#if PY_VERSION_HEX >= 0x030a0000
	switch (PyIter_Send(iterator, value, result)) {
	case PYGEN_NEXT:
		return STEP_WAITS;
	case PYGEN_RETURN:
		return STEP_RETURNED;
	default:
		return STEP_RAISED;
	}
#else
	if (value == Py_None && Py_TYPE(iterator)->tp_iternext != NULL)
		*result = Py_TYPE(iterator)->tp_iternext(iterator);
	else
		*result = PyObject_CallMethod(iterator, "send", "O", value);
	return *result != NULL ? STEP_WAITS : fetch_stop(result);
#endif
}

static enum step raise_in(PyObject *iterator, PyObject *exception, PyObject **result)
{
	*result = PyObject_CallMethod(iterator, "throw", "O", exception);
	return *result != NULL ? STEP_WAITS : fetch_stop(result);
}

/* The iterator that send() needs. Takes the awaitable over. */
static PyObject *iterator_of(PyObject *awaitable)
{
	PyObject *iterator, *collected;

	if (PyCoro_CheckExact(awaitable))
		return awaitable;
	if (PyAsyncGen_CheckExact(awaitable)) {
		collected = PyObject_CallOneArg(collect, awaitable);
		Py_DECREF(awaitable);
		return collected;
	}
	iterator = Py_TYPE(awaitable)->tp_as_async->am_await(awaitable);
	Py_DECREF(awaitable);
	return iterator;
}

/* ---- one step of a call */

static enum step begin(struct call *call, PyObject **result)
{
	const struct handler *handler = scheduler.loop->handler;
	struct event event = event_of_object(call->event);
	PyObject *arguments[] = {NULL, handler->context, event.data};
	PyObject *token = PyContextVar_Set(variable, call->event);

	*result = token == NULL ? NULL
				: PyObject_Vectorcall(handler->function, arguments + 1,
					  2 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
	Py_XDECREF(token);
	if (*result == NULL)
		return STEP_RAISED;
	if (!is_awaitable(*result))
		return STEP_RETURNED;
	call->awaiting = iterator_of(*result);
	*result = NULL;
	return call->awaiting == NULL ? STEP_RAISED : send(call->awaiting, Py_None, result);
}

/* After the call's time is up its cancellation arrives as bruco.Timeout. */
static enum step interrupt(struct call *call, PyObject *exception, PyObject **result)
{
	PyObject *timeout = NULL;
	enum step step;

	if (call->cancelled && PyObject_IsInstance(exception, cancelled_class) == 1) {
		timeout = timeout_new();
		if (timeout == NULL)
			return STEP_RAISED;
	}
	step = raise_in(call->awaiting, timeout != NULL ? timeout : exception, result);
	Py_XDECREF(timeout);
	return step;
}

static void end_with_result(struct call *call, PyObject *result)
{
	struct loop *loop = scheduler.loop;
	struct event event = event_of_object(call->event);
	struct buf *out = scheduler_output(call);
	size_t before = out->length;
	struct failure failure;
	const char *what;
	int outputs = emit_result(loop, &event, result, out, &what);

	if (outputs < 0) {
		failure_take(&failure, what);
		call_failed(call, ATTEMPT_FAILED, &failure);
		return;
	}
	count_event_done(loop->worker->page, event.record, outputs, out->length - before);
	call_done(call);
}

static void end_with_exception(struct call *call)
{
	bool interrupted = scheduler.loop->worker->interactive &&
			   PyErr_ExceptionMatches(PyExc_KeyboardInterrupt);
	struct failure failure;

	failure_take(&failure, "handler raised");
	call_failed(call, interrupted ? ATTEMPT_INTERRUPTED : ATTEMPT_FAILED, &failure);
}

/*
 * A call that was still in flight when the worker stopped is cancelled with the event loop's other
 * tasks: its code may clean up, but its result is dropped.
 */
static enum step run_out(struct call *call, PyObject *exception, PyObject **yielded)
{
	PyObject *result = NULL;
	enum step step;

	PyContext_Enter(call->variables);
	step = exception == NULL ? send(call->awaiting, Py_None, &result)
				 : raise_in(call->awaiting, exception, &result);
	PyContext_Exit(call->variables);
	if (fork_guard_in_child)
		fork_guard_exit(result);
	if (step == STEP_WAITS) {
		*yielded = result;
		return step;
	}
	if (step == STEP_RAISED && !PyErr_ExceptionMatches(cancelled_class))
		PyErr_WriteUnraisable(call->awaiting);
	PyErr_Clear();
	Py_XDECREF(result);
	return step;
}

/* Runs a call's code until it waits or has ended, with the call's own context variables. */
static enum step run(struct call *call, PyObject *value, PyObject *exception, PyObject **yielded)
{
	struct loop *loop = scheduler.loop;
	PyObject *result = NULL;
	enum step step;

	if (call->variables == NULL)
		call->variables = PyContext_Copy(base);
	if (call->variables == NULL) {
		end_with_exception(call);
		return STEP_RAISED;
	}
	running_enter(call);
	PyContext_Enter(call->variables);
	output_lend(loop->output);
	if (call->awaiting == NULL)
		step = begin(call, &result);
	else if (exception == NULL)
		step = send(call->awaiting, value, &result);
	else
		step = interrupt(call, exception, &result);
	if (fork_guard_in_child)
		fork_guard_exit(result);
	invoke_take_back_output(loop->output, loop->worker->page);
	if (step == STEP_RETURNED)
		end_with_result(call, result);
	else if (step == STEP_RAISED)
		end_with_exception(call);
	PyContext_Exit(call->variables);
	running_leave();
	if (step == STEP_WAITS) {
		*yielded = result;
		return step;
	}
	Py_XDECREF(result);
	Py_CLEAR(call->variables);
	return step;
}

/* ---- the coroutine */

/*
 * Whether a call that never waited has left something behind in its task: a cancellation that has
 * not arrived yet, or a reference through which the task may be cancelled later.
 */
static bool is_spoilt(const struct task *task, Py_ssize_t references)
{
	PyObject *cancelled;
	bool spoilt;

	if (Py_REFCNT(task->asyncio) > references)
		return true;
	cancelled = PyObject_GetAttr(task->asyncio, must_cancel);
	spoilt = cancelled != Py_False;
	PyErr_Clear();
	Py_XDECREF(cancelled);
	return spoilt;
}

static enum step is_over(struct task *task, unsigned successors)
{
	task->call = NULL;
	Py_CLEAR(task->asyncio);
	scheduler_continue(successors);
	return STEP_RETURNED;
}

/* STEP_WAITS with *yielded, or STEP_RETURNED: the task is over. */
static enum step go_on(struct task *task, PyObject *value, PyObject *exception, PyObject **yielded)
{
	int64_t begun_ns = clock_coarse_ns();
	struct call *call = task->call;

	if (call != NULL) {
		enum step step = !scheduler.over ? run(call, value, exception, yielded)
						 : run_out(call, exception, yielded);

		return step == STEP_WAITS ? step : is_over(task, 1);
	}
	scheduler.idle_tasks--;
	while (exception == NULL && !scheduler.over && (call = scheduler_next()) != NULL) {
		Py_ssize_t references = Py_REFCNT(task->asyncio);

		if (run(call, NULL, NULL, yielded) == STEP_WAITS) {
			task->call = call;
			call->task = new_reference(task->asyncio);
			scheduler_continue(2);
			return STEP_WAITS;
		}
		if (is_spoilt(task, references))
			return is_over(task, 1);
		if (clock_coarse_ns() - begun_ns >= TURN_NS) {
			scheduler.idle_tasks++;
			*yielded = new_reference(Py_None); /* as asyncio.sleep(0) does */
			return STEP_WAITS;
		}
	}
	return is_over(task, 0);
}

static PyObject *raise_stop(void)
{
	PyErr_SetNone(PyExc_StopIteration);
	return NULL;
}

static PyObject *method_send(PyObject *self, PyObject *value)
{
	PyObject *yielded = NULL;

	if (go_on((struct task *)self, value, NULL, &yielded) == STEP_WAITS)
		return yielded;
	return raise_stop();
}

static PyObject *task_iterate(PyObject *self)
{
	PyObject *yielded = NULL;

	return go_on((struct task *)self, Py_None, NULL, &yielded) == STEP_WAITS ? yielded : NULL;
}

#if PY_VERSION_HEX >= 0x030a0000
static PySendResult slot_send(PyObject *self, PyObject *value, PyObject **result)
{
	if (go_on((struct task *)self, value, NULL, result) == STEP_WAITS)
		return PYGEN_NEXT;
	*result = new_reference(Py_None);
	return PYGEN_RETURN;
}
#endif

/* throw(exception), or throw(type, value, traceback) as older Pythons have it. */
static PyObject *method_throw(PyObject *self, PyObject *arguments)
{
	PyObject *type, *value = NULL, *trace = NULL, *yielded = NULL;
	enum step step;

	if (!PyArg_ParseTuple(arguments, "O|OO", &type, &value, &trace))
		return NULL;
	if (PyExceptionInstance_Check(type))
		value = new_reference(type);
	else if (value != NULL && PyExceptionInstance_Check(value))
		value = new_reference(value);
	else
		value = PyObject_CallNoArgs(type);
	if (value == NULL)
		return NULL;
	step = go_on((struct task *)self, NULL, value, &yielded);
	Py_DECREF(value);
	return step == STEP_WAITS ? yielded : raise_stop();
}

static PyObject *method_close(PyObject *self, PyObject *none)
{
	(void)self;
	(void)none;
	Py_RETURN_NONE;
}

static PyObject *await(PyObject *self)
{
	return new_reference(self);
}

static void deallocate_task(PyObject *self)
{
	PyTypeObject *type = Py_TYPE(self);

	Py_XDECREF(((struct task *)self)->asyncio);
	type->tp_free(self);
	Py_DECREF(type);
}

/* What the call waits for, under the name that coroutines have for it; None: it has no call that waits. */
static PyObject *get_awaited(PyObject *self, void *nothing)
{
	const struct call *call = ((struct task *)self)->call;

	(void)nothing;
	return new_reference(call == NULL || call->awaiting == NULL ? Py_None : call->awaiting);
}

/* The call's event; None when it has no call that waits. */
static PyObject *get_event(PyObject *self, void *nothing)
{
	const struct call *call = ((struct task *)self)->call;

	(void)nothing;
	return new_reference(call == NULL || call->event == NULL ? Py_None : call->event);
}

static PyGetSetDef getters[] = {
	{"cr_await", get_awaited, NULL, NULL, NULL},
	{"event", get_event, NULL, NULL, NULL},
	{NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef methods[] = {
	{"send", method_send, METH_O, NULL},
	{"throw", method_throw, METH_VARARGS, NULL},
	{"close", method_close, METH_NOARGS, NULL},
	{NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
	{Py_tp_doc, (void *)"Runs events on the event loop, as a coroutine."},
	{Py_tp_dealloc, (void *)deallocate_task},
	{Py_tp_methods, methods},
	{Py_tp_getset, getters},
	{Py_tp_iter, (void *)await},
	{Py_tp_iternext, (void *)task_iterate},
	{Py_am_await, (void *)await},
#if PY_VERSION_HEX >= 0x030a0000
	{Py_am_send, (void *)slot_send},
#endif
	{0, NULL},
};

static PyType_Spec spec = {
	.name = "_bruco.Task",
	.basicsize = sizeof(struct task),
	.flags = Py_TPFLAGS_DEFAULT,
	.slots = slots,
};

int task_prepare(void)
{
	task_type = (PyTypeObject *)PyType_FromSpec(&spec);
	collect = import_attribute("bruco._async", "collect");
	variable = import_attribute("bruco._context", "variable");
	cancelled_class = import_attribute("asyncio", "CancelledError");
	base = PyContext_CopyCurrent();
	asyncio_task = import_attribute("asyncio", "Task");
	task_names = Py_BuildValue("(s)", "loop");
	must_cancel = PyUnicode_InternFromString("_must_cancel");
	if (task_type == NULL || collect == NULL || variable == NULL || cancelled_class == NULL ||
		base == NULL || asyncio_task == NULL || task_names == NULL || must_cancel == NULL)
		return -1;
	task_type->tp_new = NULL;
	return context_use_variable();
}

int task_start(void)
{
	struct task *task = PyObject_New(struct task, task_type);

	if (task == NULL)
		return -1;
	task->call = NULL;
	/* The task holds the task and the task the task, until it ends. */
	task->asyncio = NULL;
	/* Not the loop's create_task: a task factory of the handler's, such as asyncio's eager one,
	 * would run it before it is known. */
	task->asyncio = PyObject_Vectorcall(
		asyncio_task, (PyObject *[]){(PyObject *)task, event_loop_get()}, 1, task_names);
	Py_DECREF(task);
	scheduler.idle_tasks++;
	return task->asyncio == NULL ? -1 : 0;
}
