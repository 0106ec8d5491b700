#include "bruco-broker/speed.h"

#include <poll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { SECOND_NS = 1000000000 };

static int64_t speed = 1;
static int64_t begun_ns; /* when the faster time began */

static int64_t in_ns(const struct timespec *time)
{
	return (int64_t)time->tv_sec * SECOND_NS + time->tv_nsec;
}

void speed_choose(int64_t factor)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	begun_ns = in_ns(&now);
	speed = factor;
}

/* Both replace the C library's for the whole process, hence the system calls: the mock cluster has
 * no setting for the three seconds that a new group waits for its members. */
int clock_gettime(clockid_t clock, struct timespec *time)
{
	long result = syscall(SYS_clock_gettime, clock, time);

	if (result == 0 && clock == CLOCK_MONOTONIC && speed > 1) {
		int64_t ns = begun_ns + (in_ns(time) - begun_ns) * speed;

		time->tv_sec = (time_t)(ns / SECOND_NS);
		time->tv_nsec = (long)(ns % SECOND_NS);
	}
	return (int)result;
}

int poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	struct timespec timeout = {0};

	if (timeout_ms > 0) {
		timeout_ms = (int)((timeout_ms + speed - 1) / speed);
		timeout = (struct timespec){.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000L};
	}
	/* not every processor's Linux has a call for poll itself */
	return (int)syscall(SYS_ppoll, fds, count, timeout_ms < 0 ? NULL : &timeout, NULL, 0);
}
