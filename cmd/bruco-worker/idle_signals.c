#include "bruco-worker/idle_signals.h"

#include "base/signals.h"

static const int idle[] = {SIGUSR1, SIGTERM, SIGINT, SIGHUP};

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
	for (int i = 0; i < IDLE_SIGNALS; i++)
		sigaddset(&set, idle[i]);
	return set;
}

void idle_signals_block(void)
{
	sigset_t set = idle_set();

	sigprocmask(SIG_BLOCK, &set, NULL);
}

size_t idle_signals(const struct worker *worker, int numbers[static IDLE_SIGNALS])
{
	size_t count = 0;

	for (int i = 0; i < IDLE_SIGNALS && !worker->interactive; i++)
		if (is_idle(idle[i]))
			numbers[count++] = idle[i];
	return count;
}

void idle_signals_set(const struct worker *worker)
{
	int numbers[IDLE_SIGNALS];
	size_t count = idle_signals(worker, numbers);
	sigset_t set = idle_set();

	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < count; i++) {
		/* Not SIG_IGN, which would be inherited by what a handler starts. */
		struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

		if (!worker->driven && numbers[i] != SIGUSR1)
			action.sa_handler = on_signal_by_hand;
		sigemptyset(&action.sa_mask);
		sigaction(numbers[i], &action, NULL);
	}
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}
