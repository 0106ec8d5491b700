#include "bruco-worker/python/exit_deadline.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/format.h"
#include "base/log.h"
#include "base/mem.h"

struct deadline {
	const char *what;
	int64_t ms;
	int status;
	int number;
};

static atomic_int latest;

static void *end_in_time(void *argument)
{
	struct deadline *deadline = argument;
	struct timespec left = {.tv_sec = (time_t)(deadline->ms / 1000),
		.tv_nsec = (long)(deadline->ms % 1000 * 1000000)};
	char duration[32];

	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
	if (deadline->number == latest) {
		format_duration(duration, deadline->ms);
		log_warning("%s did not end within %s", deadline->what, duration);
		_exit(deadline->status);
	}
	free(deadline);
	return NULL;
}

void exit_deadline_set(const char *what, int64_t ms, int status)
{
	struct deadline *deadline = mem_array(1, sizeof *deadline);
	sigset_t all, before;
	pthread_t thread;
	int error;

	*deadline = (struct deadline){what, ms, status, ++latest};
	sigfillset(&all); /* signals are for the main thread */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&thread, NULL, end_in_time, deadline);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error != 0)
		_exit(status);
	pthread_detach(thread);
}
