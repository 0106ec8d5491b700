#include <Python.h>

#include "bruco-worker/python/signal_setup.h"

#include <signal.h>

#include "base/signals.h"
#include "bruco-worker/python/import.h"

static const int idle[] = {SIGUSR1, SIGTERM, SIGINT, SIGHUP};

enum { IDLE = sizeof idle / sizeof idle[0] };

static void on_signal(int number)
{
	(void)number;
}

static void on_signal_by_hand(int number)
{
	static volatile sig_atomic_t before;

	if (signals_repeated())
		return;
	if (before) {
		signal(number, SIG_DFL);
		raise(number);
	}
	before = 1;
}

static bool is_idle(int number)
{
	struct sigaction action;

	/* an ignored SIGHUP comes from nohup(1) */
	return number != SIGHUP ||
	       (sigaction(number, NULL, &action) == 0 && action.sa_handler != SIG_IGN);
}

static sigset_t idle_set(void)
{
	sigset_t set;

	sigemptyset(&set);
	for (int i = 0; i < IDLE; i++)
		sigaddset(&set, idle[i]);
	return set;
}

void signal_setup_block(void)
{
	sigset_t set = idle_set();

	sigprocmask(SIG_BLOCK, &set, NULL);
}

void signal_setup(const struct worker *worker)
{
	sigset_t set = idle_set();

	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < IDLE && !worker->interactive; i++) {
		/* Not SIG_IGN, which would be inherited by what a handler starts. */
		struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

		if (!worker->driven && idle[i] != SIGUSR1)
			action.sa_handler = on_signal_by_hand;
		sigemptyset(&action.sa_mask);
		if (is_idle(idle[i]))
			sigaction(idle[i], &action, NULL);
	}
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static PyObject *idle_signals(const struct worker *worker)
{
	PyObject *signals = PyList_New(0);

	for (int i = 0; i < IDLE && signals != NULL && !worker->interactive; i++) {
		PyObject *number = PyLong_FromLong(idle[i]);

		if (number == NULL || (is_idle(idle[i]) && PyList_Append(signals, number) < 0))
			Py_CLEAR(signals);
		Py_XDECREF(number);
	}
	return signals;
}

int signal_setup_python(const struct worker *worker)
{
	PyObject *prepare = import_attribute("bruco._signals", "prepare");
	PyObject *done = NULL;

	if (prepare != NULL)
		done = PyObject_CallFunction(prepare, "iN", worker->config.processor.timeout_ms > 0,
			idle_signals(worker));
	signal_setup(worker); /* again, over Python's handlers */
	Py_XDECREF(prepare);
	Py_XDECREF(done);
	return done == NULL ? -1 : 0;
}
