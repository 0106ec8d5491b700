#include "bruco-worker/io/output.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/status.h"
#include "bruco-worker/python/interpreter.h"

static void sleep_ms(long ms)
{
	nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

/* Writes all of it, or what a descriptor takes that does not block. */
static void write_buffer(struct output *output)
{
	size_t done = 0;

	while (done < output->buf.length && output->error == 0) {
		ssize_t written =
			write(output->fd, output->buf.data + done, output->buf.length - done);

		if (written > 0)
			done += (size_t)written;
		else if (written < 0 && errno == EAGAIN)
			break;
		else if (written < 0 && errno != EINTR)
			output->error = errno;
	}
	if (output->error != 0)
		buf_reset(&output->buf);
	else
		buf_drop(&output->buf, done);
}

/* The thread: writes what is in the buffer before it grows old, for a handler that takes its time.
 * At full speed the caller writes earlier. */
static void *flush_aged(void *argument)
{
	struct output *output = argument;

	for (;;) {
		pthread_mutex_lock(&output->lock);
		while (output->buf.length == 0)
			pthread_cond_wait(&output->filled, &output->lock);
		if (output_due(output, clock_coarse_ns()))
			write_buffer(output);
		pthread_mutex_unlock(&output->lock);
		sleep_ms(OUTPUT_AGE_MS);
	}
	return NULL;
}

void output_init(struct output *output, int fd)
{
	sigset_t all, before;
	pthread_t thread;
	int error;

	*output = (struct output){
		.fd = fd, .lock = PTHREAD_MUTEX_INITIALIZER, .filled = PTHREAD_COND_INITIALIZER};
	buf_reserve(&output->buf, 2 * OUTPUT_FULL);
	pthread_mutex_lock(&output->lock);
	/* Signals are for the main thread, where Python and the handler expect them. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&thread, NULL, flush_aged, output);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error != 0)
		die(STATUS_TEMPFAIL, "cannot start a thread: %s", strerror(error));
	pthread_detach(thread);
}

int output_flush(struct output *output)
{
	if (output->buf.length > 0 && output->error == 0) {
		interpreter_pause();
		write_buffer(output);
		interpreter_resume();
	}
	if (output->error == 0)
		return 0;
	errno = output->error;
	return -1;
}

void output_lend(struct output *output)
{
	if (output->buf.length > 0)
		pthread_cond_signal(&output->filled);
	pthread_mutex_unlock(&output->lock);
}

bool output_take_back(struct output *output)
{
	return pthread_mutex_trylock(&output->lock) == 0;
}

void output_wait_back(struct output *output)
{
	interpreter_pause();
	pthread_mutex_lock(&output->lock);
	interpreter_resume();
}
