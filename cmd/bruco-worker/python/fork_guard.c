#include <Python.h>

#include "bruco-worker/python/fork_guard.h"

#include <pthread.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"

bool fork_guard_in_child;

static struct worker *guarded;

static void in_child(void)
{
	fork_guard_in_child = true;
	fd_close(&guarded->in);
	fd_close(&guarded->out);
	fd_close(&guarded->control);
	fd_close(&guarded->stacks);
	/* At the same address, so that no pointer into it dangles. */
	mmap(guarded->page, PAGE_SIZE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

void fork_guard_install(struct worker *worker)
{
	guarded = worker;
	pthread_atfork(NULL, NULL, in_child);
}

_Noreturn void fork_guard_exit(PyObject *result)
{
	if (result == NULL && PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_SystemExit)) {
		PyErr_Print();
		_exit(1);
	}
	_exit(0);
}
