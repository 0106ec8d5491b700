#include <Python.h>

#include "bruco-worker/python/stacks.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <unistd.h>

#include "bruco-worker/python/event_loop.h"
#include "bruco-worker/python/fork_guard.h"
#include "bruco-worker/python/import.h"
#include "control/messages.h"

enum { TRIES = 20 };

/* What faulthandler calls. Newer shared libpythons hide it; then faulthandler itself is called, which
 * shows nothing more after it was left in the middle. */
extern const char *_Py_DumpTracebackThreads(
	int fd, PyInterpreterState *interpreter, PyThreadState *current) __attribute__((weak));

static struct {
	struct page *page;
	int file;
	void (*show_threads)(int); /* faulthandler's handler of the signal */
	void (*tell_python)(int);  /* Python's, for which a function in Python runs later */
	_Atomic uint32_t request;
} stacks;

/*
 * While the main thread waits in C without the GIL, another thread runs Python code, and its frames can
 * go away while they are read. So what is read may be no memory any more; then all is read again.
 */
static struct {
	pthread_t thread; /* that reads */
	volatile sig_atomic_t armed;
	sigjmp_buf escape;
	struct sigaction segv_before, bus_before;
} guard;

/* A fault of another thread is repeated under the handler that it would have had. */
static void on_fault(int number)
{
	if (guard.armed && pthread_equal(pthread_self(), guard.thread))
		siglongjmp(guard.escape, 1);
	sigaction(number, number == SIGBUS ? &guard.bus_before : &guard.segv_before, NULL);
}

static void guard_begin(void)
{
	struct sigaction action = {.sa_handler = on_fault};

	sigemptyset(&action.sa_mask);
	guard.thread = pthread_self();
	sigaction(SIGSEGV, &action, &guard.segv_before);
	sigaction(SIGBUS, &action, &guard.bus_before);
	guard.armed = 1;
}

static void guard_end(void)
{
	guard.armed = 0;
	sigaction(SIGSEGV, &guard.segv_before, NULL);
	sigaction(SIGBUS, &guard.bus_before, NULL);
}

static void write_threads(int number)
{
	if (_Py_DumpTracebackThreads != NULL)
		_Py_DumpTracebackThreads(stacks.file, NULL, NULL);
	else
		stacks.show_threads(number);
}

static void show_threads(int number)
{
	static const char cut[] = "\n(cut: this thread ran on while its stack was read)\n";
	volatile int tries = 0;

	guard_begin();
	if (sigsetjmp(guard.escape, 1) == 0 || ++tries < TRIES) {
		if (tries == 0 || ftruncate(stacks.file, 0) == 0)
			write_threads(number);
	} else {
		(void)!write(stacks.file, cut, sizeof cut - 1);
	}
	guard_end();
}

/* A request that comes once more has its tasks written only: the signal may have come just before the
 * event loop went to sleep, which then did not wake up. */
static void on_signal_stacks(int number, siginfo_t *info, void *context)
{
	uint32_t request = (uint32_t)info->si_value.sival_int;
	int error = errno;

	(void)context;
	if (fork_guard_in_child || info->si_code != SI_QUEUE)
		return;
	stacks.request = request;
	if (atomic_load(&stacks.page->stacks_threads) != request) {
		show_threads(number);
		atomic_store(&stacks.page->stacks_threads, request);
	}
	if (event_loop_exists())
		stacks.tell_python(number);
	else
		atomic_store(&stacks.page->stacks_tasks, request);
	errno = error;
}

PyObject *stacks_shown(PyObject *self, PyObject *none)
{
	(void)self;
	(void)none;
	atomic_store(&stacks.page->stacks_tasks, stacks.request);
	Py_RETURN_NONE;
}

/* Calls bruco._stacks.NAME(signal, descriptor), which sets a handler; takes it. */
static int take_handler(const char *name, const struct worker *worker, void (**handler)(int))
{
	PyObject *function = import_attribute("bruco._stacks", name);
	PyObject *done = NULL;
	struct sigaction action;

	if (function != NULL)
		done = PyObject_CallFunction(function, "ii", SIGNAL_STACKS, worker->stacks);
	Py_XDECREF(function);
	Py_XDECREF(done);
	if (done == NULL)
		return -1;
	sigaction(SIGNAL_STACKS, NULL, &action);
	*handler = action.sa_handler;
	return 0;
}

int stacks_prepare(const struct worker *worker)
{
	struct sigaction action = {
		.sa_sigaction = on_signal_stacks, .sa_flags = SA_SIGINFO | SA_RESTART};

	if (worker->stacks < 0)
		return 0;
	stacks.page = worker->page;
	stacks.file = worker->stacks;
	if (take_handler("take_signal", worker, &stacks.tell_python) < 0 ||
		take_handler("take_fault_handler", worker, &stacks.show_threads) < 0)
		return -1;
	sigemptyset(&action.sa_mask);
	sigaction(SIGNAL_STACKS, &action, NULL);
	return 0;
}
